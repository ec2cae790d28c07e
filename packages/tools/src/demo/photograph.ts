/**
 * The photograph once as a whole through the network, without a budget: for the picture that shows the difference.
 *
 * @module
 */
import { bicubicX2, joinYCbCr, meanX2, type Plane, psnr, splitYCbCr } from "@nnrp/backends";
import type { ClientSession } from "@nnrp/client";
import { enlargePicture } from "../picture/enlarge.ts";
import { cropPicture, type Picture } from "../picture/picture.ts";
import { type Region, sideBySide } from "../picture/side_by_side.ts";

/** Part of the photograph that is shown magnified: as much as three panels of a screen's width hold. */
const REGION = { width: 168, height: 132 };
/** Its magnification. */
const ZOOM = 3;

/** The comparison and its numbers. */
export interface Comparison {
  /** Three panels: bicubic, network, original. */
  readonly picture: Picture;
  /** Luma of the whole photograph, bicubic against original, dB. */
  readonly bicubicPsnr: number;
  /** Luma of the whole photograph, network against original, dB. */
  readonly networkPsnr: number;
}

/**
 * Makes the photograph half as large, enlarges it both ways, and shows the same part of all three.
 *
 * @param session A session with a super-resolution server.
 * @param photo The photograph, of even size.
 * @param signal Gives up.
 */
export async function comparePhotograph(session: ClientSession, photo: Picture, signal: AbortSignal): Promise<Comparison> {
  const whole = splitYCbCr(photo.width, photo.height, photo.rgb);
  const [y, cb, cr] = [meanX2(whole.y), meanX2(whole.cb), meanX2(whole.cr)];
  const small: Picture = { width: y.width, height: y.height, rgb: joinYCbCr({ y, cb, cr }), alpha: null, gray: false };
  const { picture: network } = await enlargePicture(session, small, { signal });
  const planes = splitYCbCr(small.width, small.height, small.rgb);
  const bicubic: Picture = {
    ...network,
    rgb: joinYCbCr({ y: bicubicX2(planes.y), cb: bicubicX2(planes.cb), cr: bicubicX2(planes.cr) }),
  };
  const region = busiest(y, REGION);
  const db = (a: Picture, part?: Region) => {
    const [p, q] = part === undefined
      ? [a, photo]
      : [a, photo].map((x) => cropPicture(x, part.left, part.top, part.width, part.height));
    return psnr(luma(p), luma(q));
  };
  const note = (a: Picture) => `${db(a, region).toFixed(1)} dB here, ${db(a).toFixed(1)} dB whole photograph`;
  return {
    picture: sideBySide(
      [
        { picture: bicubic, title: "bicubic", note: note(bicubic) },
        { picture: network, title: "network", note: note(network) },
        { picture: photo, title: "original", note: `${region.width} x ${region.height} pixels of it, each ${ZOOM} x ${ZOOM}` },
      ],
      region,
      ZOOM,
    ),
    bicubicPsnr: db(bicubic),
    networkPsnr: db(network),
  };
}

/** The part of the photograph with the most contrast in its small version, whatever the network makes of it. */
function busiest(small: Plane, size: { width: number; height: number }): Region {
  const width = Math.min(size.width >> 1, small.width);
  const height = Math.min(size.height >> 1, small.height);
  let best = { left: 0, top: 0 };
  let most = -1;
  for (let top = 0; top + height <= small.height; top += 2) {
    for (let left = 0; left + width <= small.width; left += 2) {
      let sum = 0;
      for (let y = top; y + 1 < top + height; y++) {
        for (let i = y * small.width + left; i + 1 < y * small.width + left + width; i++) {
          const across = small.data[i + 1] - small.data[i];
          const down = small.data[i + small.width] - small.data[i];
          sum += across * across + down * down;
        }
      }
      if (sum > most) {
        most = sum;
        best = { left, top };
      }
    }
  }
  return { left: 2 * best.left, top: 2 * best.top, width: 2 * width, height: 2 * height };
}

function luma(picture: Picture): Plane {
  return splitYCbCr(picture.width, picture.height, picture.rgb).y;
}
