/** Labs for tests: what a test fails with is the log of the nodes too. */
import process from "node:process";
import { isInstalled, Lab, lacksForLab } from "../../examples/lab/lab.ts";

/** Why there can be no lab here. */
export const skip: string | undefined = lacksForLab();

/** Why nothing can be captured here. */
export const skipCapture: string | undefined = skip ??
  (isInstalled("dumpcap") ? undefined : "needs dumpcap, which comes with tshark");

/** Several starts of the program and some seconds of traffic, on a machine that may be busy. */
export const limit = 120_000;

/** Removes everything, whatever becomes of `body`. */
export async function inLab(body: (lab: Lab) => Promise<void>): Promise<void> {
  await using lab = new Lab();
  try {
    await body(lab);
  } catch (error) {
    for (const { name, log } of lab.hosts) process.stderr.write(`--- node ${name}\n${log}\n`);
    throw error;
  }
}
