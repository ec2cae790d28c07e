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

/** Size of the parts that are shown magnified: three beside each other are as wide as a screen. */
const REGION = { width: 132, height: 104 };
/** Its magnification. */
const ZOOM = 4;

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
export async function comparePhotograph(
  session: ClientSession,
  photo: Picture,
  signal: AbortSignal,
): Promise<Comparison> {
  const whole = splitYCbCr(photo.width, photo.height, photo.rgb);
  const [y, cb, cr] = [meanX2(whole.y), meanX2(whole.cb), meanX2(whole.cr)];
  const small: Picture = {
    width: y.width,
    height: y.height,
    rgb: joinYCbCr({ y, cb, cr }),
    alpha: null,
    gray: false,
  };
  const { picture: network } = await enlargePicture(session, small, { signal });
  const planes = splitYCbCr(small.width, small.height, small.rgb);
  const bicubic: Picture = {
    ...network,
    rgb: joinYCbCr({ y: bicubicX2(planes.y), cb: bicubicX2(planes.cb), cr: bicubicX2(planes.cr) }),
  };
  // Chosen by the small picture alone, whatever the network makes of it.
  const regions = [sharpest(y, REGION, 4), sharpest(y, REGION, 2)];
  const inAll = (a: Picture) => psnr(luma(a), whole.y);
  const here = (a: Picture) =>
    regions.map((r) => psnr(luma(part(a, r)), luma(part(photo, r))).toFixed(1)).join(" and ");
  const note = (a: Picture) => `${inAll(a).toFixed(1)} dB in all, ${here(a)} dB here`;
  return {
    picture: sideBySide(
      [
        { picture: bicubic, title: "bicubic", note: note(bicubic) },
        { picture: network, title: "network", note: note(network) },
        {
          picture: photo,
          title: "original",
          note: `${REGION.width} x ${REGION.height} pixels, ${ZOOM} times as large`,
        },
      ],
      regions,
      ZOOM,
    ),
    bicubicPsnr: inAll(bicubic),
    networkPsnr: inAll(network),
  };
}

/**
 * The part of a photograph whose small version has the steepest steps between neighbours.
 *
 * @param small The small version.
 * @param size Size of the part in the photograph, even.
 * @param power 2 finds fine grain, 4 finds few hard edges.
 */
function sharpest(small: Plane, size: { width: number; height: number }, power: number): Region {
  const width = size.width >> 1;
  const height = size.height >> 1;
  let best = { left: 0, top: 0 };
  let most = -1;
  for (let top = 0; top + height <= small.height; top += 2) {
    for (let left = 0; left + width <= small.width; left += 2) {
      let sum = 0;
      for (let y = top; y + 1 < top + height; y++) {
        for (let i = y * small.width + left; i + 1 < y * small.width + left + width; i++) {
          const across = small.data[i + 1] - small.data[i];
          const down = small.data[i + small.width] - small.data[i];
          sum += (across * across + down * down) ** (power / 2);
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

function part(picture: Picture, { left, top, width, height }: Region): Picture {
  return cropPicture(picture, left, top, width, height);
}

function luma(picture: Picture): Plane {
  return splitYCbCr(picture.width, picture.height, picture.rgb).y;
}
