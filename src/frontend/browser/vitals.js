/*! Measured with web-vitals, copyright Google LLC, Apache-2.0. */
(() => {
  "use strict";
  const { beacon, route = "" } = document.currentScript.dataset;
  const queue = new Map();

  /* A metric that changes again before the page is hidden replaces what is queued. */
  const add = ({ name, value, id }) => {
    queue.set(id, { name, value: Math.round(value * 1e4) / 1e4, id, route });
  };

  const flush = () => {
    if (!queue.size) return;
    const body = JSON.stringify([...queue.values()]);
    queue.clear();
    navigator.sendBeacon(beacon, new Blob([body], { type: "application/json" }));
  };

  for (const name of ["LCP", "INP", "CLS", "TTFB", "FCP"]) webVitals["on" + name](add);

  /* Registered after web-vitals' own listeners, so that its last values are in the queue. Leaving
     the page fires this too; "pagehide" comes before it, when LCP and CLS are not known yet. */
  addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") flush();
  });
})();
