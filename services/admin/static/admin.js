// What the pages do beyond HTML: charts, the theme, the keyboard, one press of a button. All works without.
"use strict";

const UNITS = {
  kes: (value) => (value / 100).toLocaleString("en-KE", { maximumFractionDigits: 0 }),
  share: (value) => `${(value * 100).toFixed(1)} %`,
  count: (value) => value.toLocaleString("en-KE"),
  seconds: (value) => `${value.toLocaleString("en-KE", { maximumFractionDigits: 1 })} s`,
  ms: (value) => `${value.toLocaleString("en-KE", { maximumFractionDigits: 1 })} ms`,
};

function shortDay(at) {
  const options = { day: "numeric", month: "short", timeZone: "Africa/Nairobi" };
  return new Date(at * 1000).toLocaleDateString("en-GB", options);
}

function longDay(at) {
  const options = { day: "2-digit", month: "short", year: "numeric", timeZone: "Africa/Nairobi" };
  return new Date(at * 1000).toLocaleDateString("en-GB", options);
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return {
    text: of("--soft"),
    grid: of("--line"),
    series: [1, 2, 3, 4, 5, 6].map((number) => of(`--series-${number}`)),
  };
}

function draw(box) {
  const told = JSON.parse(box.dataset.chart);
  const { text, grid, series } = colours();
  const unit = UNITS[told.series[0]?.unit] || UNITS.count;
  const times = typeof told.x[0] === "number";
  const x = times ? told.x : told.x.map((_, index) => index);
  const shown = (value) => (value == null ? "–" : unit(value));
  // Bars stand on each other: each is drawn up to the sum of itself and those after it, the highest first.
  const bars = told.kind === "bars";
  const values = told.series.map((each) => each.values);
  const heights = bars ? values.map((_, at) => values[0].map((_, day) => values.slice(at).reduce((sum, held) => sum + (held[day] ?? 0), 0))) : values;
  const half = bars && x.length > 1 ? (x[1] - x[0]) / 2 : 0;
  box.textContent = "";
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  new uPlot(
    {
      width: Math.max(box.clientWidth, 240),
      height: 220,
      scales: { x: { time: times, range: (_, low, high) => [low - half, high + half] }, y: { range: (_, low, high) => [Math.min(low ?? 0, 0), Math.max((high ?? 0) * 1.05, told.series[0]?.unit === "share" ? 0.01 : 1)] } },
      legend: { live: true },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Africa/Nairobi"),
      axes: [
        times ? { ...axis, values: (_, ticks) => ticks.map(shortDay) } : { ...axis, values: (_, ticks) => ticks.map((at) => told.x[at] ?? "") },
        { ...axis, size: 84, values: (_, ticks) => ticks.map(unit) },
      ],
      series: [
        { label: told.of ?? "Day", value: (_, at) => (at == null ? "–" : times ? longDay(at) : (told.x[at] ?? "–")) },
        ...told.series.map((each, index) => ({
          label: each.name,
          stroke: series[index % series.length],
          width: 2,
          spanGaps: true,
          points: { show: !bars && told.x.length < 40, size: 5 },
          fill: bars ? series[index % series.length] : undefined,
          paths: bars ? uPlot.paths.bars({ size: [0.7, 60] }) : undefined,
          value: (_, value, at, place) => shown(place == null ? null : values[at - 1][place]),
        })),
      ],
    },
    [x, ...heights],
    box,
  );
}

function drawAll(root = document) {
  if (window.uPlot) for (const box of root.querySelectorAll("[data-chart]")) draw(box);
}

function narrow() {
  const menu = document.querySelector("details.menu");
  if (menu) menu.open = !window.matchMedia("(max-width: 52rem)").matches;
}

document.addEventListener("DOMContentLoaded", () => {
  narrow();
  drawAll();
  document.getElementById("theme")?.addEventListener("click", () => {
    const dark = getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem("theme", document.documentElement.dataset.theme);
    } catch {
      // It holds for this page only.
    }
    drawAll();
  });
});

// What is live is asked for again while somebody looks at it.
setInterval(() => {
  if (document.visibilityState !== "visible") return;
  for (const each of document.querySelectorAll("[data-live]")) window.htmx?.trigger(each, "due");
}, 5000);

let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === width) return;
  width = window.innerWidth;
  narrow();
  drawAll();
});

document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const search = document.getElementById("search");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  }
});

// Pressed twice is sent once. Whoever comes back by the browser's button may press again.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) {
    event.preventDefault();
    return;
  }
  event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
