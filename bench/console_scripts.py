"""What is asked of a page in the browser: scripts whose value is a measurement."""

from typing import Final

WEIGHT: Final = """
(() => {
  const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter((one) => one.initiatorType !== "beacon");
  const sum = (name) => all.reduce((so_far, one) => so_far + one[name], 0);
  return [sum("decodedBodySize"), sum("encodedBodySize")];
})()
"""
PAINT: Final = """
new Promise((done) => {
  const found = performance.getEntriesByName("first-contentful-paint")[0];
  if (found) return done(found.startTime);
  new PerformanceObserver((list) => {
    const one = list.getEntriesByName("first-contentful-paint")[0];
    if (one) done(one.startTime);
  }).observe({ type: "paint", buffered: true });
})
"""
