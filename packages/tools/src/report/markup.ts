/**
 * The few helpers for writing HTML and SVG as text.
 *
 * @module
 */
import { fitToShow } from "@nnrp/core";

/** Text that is safe in HTML and in quoted attributes, and fit to be shown. */
export function escapeHtml(text: string): string {
  return fitToShow(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** A number with so many digits after the point; a dash for one that is none. */
export function digits(value: number, count: number): string {
  return Number.isFinite(value) ? value.toFixed(count) : "–";
}

/** Percents of a part 0…1: whole ones, but neither 0 nor 100 unless it is exactly that; unbroken at line ends. */
export function percents(part: number): string {
  if (!Number.isFinite(part)) return "–";
  if (part > 0 && part < 0.01) return "<1\u00a0%";
  if (part < 1 && part > 0.99) return ">99\u00a0%";
  return `${Math.round(part * 100)}\u00a0%`;
}

/** A coordinate in a path: one digit is enough for a screen. */
export function point(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Base64 of bytes, for data URIs. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  // In pieces: a call takes only so many arguments.
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}
