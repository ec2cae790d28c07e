/**
 * Where the picture comes from: a hand-held camera over a photograph, or the computer's own. Both draw into one canvas at the
 * size that the network should reach; half of it is what a small camera would deliver, so the truth is always known.
 *
 * @module
 */
import { meanX2, type Plane, splitYCbCr, type YCbCr } from "@nnrp/backends";

/** What the small camera saw, and the truth. */
export interface CameraFrame {
  /** What goes to the server, and the colours that stay here. */
  readonly small: YCbCr;
  /** Luma at twice the size. */
  readonly truth: Plane;
  /** The truth as pixels. */
  readonly pixels: ImageData;
}

/** One period of the way over the photograph, s; the parts have periods that do not fit each other, so it never repeats. */
const TOUR_S = 17;

/** A camera. */
export class Camera {
  readonly #context: CanvasRenderingContext2D;
  readonly #photo: HTMLImageElement;
  #video: HTMLVideoElement | null = null;

  /**
   * Makes a Camera.
   *
   * @param photo Shown until somebody switches the real camera on.
   * @param width Of the truth, even.
   * @param height Of the truth, even.
   */
  constructor(photo: HTMLImageElement, width: number, height: number) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    this.#context = canvas.getContext("2d", { willReadFrequently: true })!;
    this.#photo = photo;
  }

  /** Whether the computer's camera is on. */
  get live(): boolean {
    return this.#video !== null;
  }

  /** Takes the computer's camera instead of the photograph; asks the user first. */
  async useOwn(): Promise<void> {
    const video = document.createElement("video");
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640 } });
    await video.play();
    this.#video = video;
  }

  /** Back to the photograph. */
  usePhotograph(): void {
    for (const track of (this.#video?.srcObject as MediaStream | null)?.getTracks() ?? []) track.stop();
    this.#video = null;
  }

  /** What is to be seen at a time, s. */
  at(seconds: number): CameraFrame {
    const { width, height } = this.#context.canvas;
    if (this.#video !== null) this.#cover(this.#video);
    else this.#overPhotograph(seconds);
    const pixels = this.#context.getImageData(0, 0, width, height);
    const { y, cb, cr } = splitYCbCr(width, height, pixels.data);
    return { small: { y: meanX2(y), cb: meanX2(cb), cr: meanX2(cr) }, truth: y, pixels };
  }

  /** The middle of the video, as large as it goes. */
  #cover(video: HTMLVideoElement): void {
    const { width, height } = this.#context.canvas;
    const scale = Math.max(width / video.videoWidth, height / video.videoHeight);
    const [w, h] = [video.videoWidth * scale, video.videoHeight * scale];
    this.#context.drawImage(video, (width - w) / 2, (height - h) / 2, w, h);
  }

  /** Pans and turns like somebody who looks around, with the little tremor of a hand. */
  #overPhotograph(seconds: number): void {
    const { width, height } = this.#context.canvas;
    const wave = (period: number, phase = 0) => Math.sin(2 * Math.PI * (seconds / period + phase));
    const roomX = (this.#photo.width - width) / 2 - 14;
    const roomY = (this.#photo.height - height) / 2 - 14;
    const x = roomX * wave(TOUR_S, 0.1) + 1.2 * wave(0.9) + 0.5 * wave(0.37);
    const y = roomY * wave(TOUR_S / 1.7, 0.35) + 1.0 * wave(0.7, 0.3) + 0.5 * wave(0.29);
    const turn = 0.03 * wave(11) + 0.002 * wave(1.1);
    this.#context.setTransform(1, 0, 0, 1, width / 2, height / 2);
    this.#context.rotate(turn);
    this.#context.translate(-this.#photo.width / 2 - x, -this.#photo.height / 2 - y);
    this.#context.drawImage(this.#photo, 0, 0);
    this.#context.resetTransform();
  }
}
