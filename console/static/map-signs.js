// Small pieces that the map is drawn with: elements, signs, tips. Text is only ever text.
import { leaflet as L } from "/lib/leaflet/index.js";

const SVG = "http://www.w3.org/2000/svg";

export const TRUCK = "M1 4.2h8.2v6H1zM9.9 5.9h2.8L15 8.3v1.9H9.9zM2.5 11.4a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0zM10.3 11.4a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0z";
export const WEDGE = "M22 0 31 12.5Q22 7.5 13 12.5Z";
export const DROP = "M6 1C8 4 9.5 5.6 9.5 7.6a3.5 3.5 0 0 1-7 0C2.5 5.6 4 4 6 1Z";
export const LENS = "M1 4.5h2.4L4.6 3h4.8l1.2 1.5H13v7H1zM7 5.6a2.2 2.2 0 1 0 0 4.4a2.2 2.2 0 1 0 0-4.4z";

export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export function shape(width, height, d) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", d);
  svg.append(path);
  return svg;
}

export const icon = (node, size, className) =>
  L.divIcon({ html: node, className, iconSize: [size, size], iconAnchor: [size / 2, size / 2] });

export const tip = (title, ...lines) =>
  element("div", "tip", element("b", "", title),
    ...lines.filter(Boolean).map((line) => (line instanceof Node ? line : element("div", "", line))));

// A line beside `points` (pixels), `offset` to the right of its direction; corners are mitred.
export function besides(points, offset) {
  if (!offset) return points;
  const normals = [];
  for (let i = 1; i < points.length; i++) {
    const dx = points[i].x - points[i - 1].x;
    const dy = points[i].y - points[i - 1].y;
    const length = Math.hypot(dx, dy) || 1;
    normals.push({ x: -dy / length, y: dx / length });
  }
  return points.map((point, i) => {
    const a = normals[Math.max(0, i - 1)];
    const b = normals[Math.min(normals.length - 1, i)];
    const mitre = Math.max(0.5, 1 + a.x * b.x + a.y * b.y);
    return L.point(point.x + (offset * (a.x + b.x)) / mitre, point.y + (offset * (a.y + b.y)) / mitre);
  });
}

const PICTURE = /^data:image\/(png|jpeg|webp|gif);base64,[A-Za-z0-9+/=]+$/;

// What a camera sent along, as pictures that may be shown here, links, or names. Only what comes
// from this address, or inside the message, is loaded by itself.
export function mediaOf(media) {
  const said = (Array.isArray(media) ? media : [media])
    .map((one) => (typeof one === "string" ? one : one?.url ?? one?.href))
    .filter((one) => typeof one === "string" && one);
  return said.slice(0, 4).map((text) => {
    if (PICTURE.test(text)) return { kind: "picture", text };
    if (/^\/(?!\/)[^\\]*$/.test(text)) return { kind: "picture", text };
    if (/^https?:\/\//i.test(text)) {
      try {
        return { kind: new URL(text).origin === location.origin ? "picture" : "link", text };
      } catch {
        return { kind: "name", text };
      }
    }
    return { kind: "name", text };
  });
}
