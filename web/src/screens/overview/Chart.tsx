// One chart. Drawn on a canvas, so what it says is also there in words.

import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import type { Tone } from "../../components/Status";
import own from "./overview.module.css";

export interface Line {
  name: string;
  tone: Tone;
  values: (number | null)[];
}

/** A moment that is marked. */
export interface Marker {
  at: number;
  label: string;
}

export interface ChartProps {
  title: string;
  /** The chart in a few words. */
  says: string;
  x: number[];
  lines: Line[];
  markers: Marker[];
}

const HEIGHT = 150;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Draws a line and its name at each deployment in view. */
function drawMarkers(plot: uPlot, markers: Marker[]): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  ctx.save();
  ctx.strokeStyle = colour("idle");
  ctx.fillStyle = colour("idle");
  ctx.setLineDash([4, 4]);
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  for (const { at, label } of markers) {
    const x = plot.valToPos(at, "x", true);
    if (x < left || x > left + width) continue;
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    ctx.fillText(label, x + 4, top + 11 * devicePixelRatio);
  }
  ctx.restore();
}

export function Chart({ title, says, x, lines, markers }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme("light");
  // biome-ignore lint/correctness/useExhaustiveDependencies: another look has other colours
  useEffect(() => {
    const place = box.current;
    if (!place) return;
    const axis: uPlot.Axis = {
      stroke: colour("idle"),
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
      font: "11px system-ui, sans-serif",
    };
    const plot = new uPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_, __, most) => [0, Math.max(most ?? 0, 1) * 1.1] } },
        axes: [
          { ...axis, space: 70 },
          { ...axis, size: 42 },
        ],
        series: [
          {},
          ...lines.map((line) => ({
            label: line.name,
            stroke: colour(line.tone),
            width: 1.6,
            points: { show: line.values.filter((value) => value !== null).length < 3 },
          })),
        ],
        hooks: { draw: [(self) => drawMarkers(self, markers)] },
      },
      [x, ...lines.map((line) => line.values)] as uPlot.AlignedData,
      place,
    );
    const watch = new ResizeObserver(() =>
      plot.setSize({ width: place.clientWidth, height: HEIGHT }),
    );
    watch.observe(place);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [x, lines, markers, scheme]);
  return (
    <figure className={own.chart}>
      <figcaption>
        <strong>{title}</strong> <span>{says}</span>
        <span className={own.keys}>
          {lines.map((line) => (
            <span key={line.name} data-tone={line.tone}>
              {line.name}
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={box} role="img" aria-label={`${title}: ${says}`} />
    </figure>
  );
}
