// How much larger the page is drawn on a large screen (`--side` in style.css), for what is no text.
export const scaled = (px) => px * (parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--side")) || 1);
