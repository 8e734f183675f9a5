// Lay out graphs with Graphviz: a JSON list of DOT texts on standard input, a list of SVGs on standard output.
import { readFileSync } from "node:fs";
import { instance } from "@viz-js/viz";

const viz = await instance();
const graphs = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(graphs.map((dot) => viz.renderString(dot, { format: "svg" }))));
