/**
 * The host around its interface in the network: a table of our own, our accepts among the rules of others, and whether the
 * kernel forwards. Kept as it was asked for: every five seconds it is compared with what is there.
 *
 * Polling was chosen over `nft monitor`, which knows nothing of legacy iptables, of firewalld's zones, of routes and
 * settings, and would be a process to watch in its turn.
 */
import { MeshError } from "../../../core/contracts/errors.ts";
import type { HostChange, HostNetwork, HostPlan, HostState } from "../../../core/contracts/exposure.ts";
import type { Host, Timer } from "../../../core/contracts/host.ts";
import type { Prefix } from "../../../core/contracts/values.ts";
import { fed, type RunCommand, runScript } from "../script.ts";
import { Turns } from "../turns.ts";
import { foreignRules, sealedProblems, type Step } from "./foreign_rules.ts";
import { changeOf, type ForwardingPlan, forwardingPlan } from "./forwarding.ts";
import { nftDocument, withoutHandles } from "./nft_json.ts";
import { type Forwarding, ownTable, removeOwnTable } from "./own_table.ts";
import { OverlapAlert } from "./route_overlap.ts";
import { type Survey, surveyHost } from "./survey.ts";

export interface HostRulesOptions {
  /** Of our table, and the comment of our rules among those of others; see `ruleName`. */
  readonly name: string;
  /** Name of the host's interface, in rules also when it is not there. */
  readonly device: string;
  /** Called when a look finds that the interface, which should be there, is not. */
  readonly deviceGone?: () => void;
  /** Path of the network namespace that is the host; this process's own by default. */
  readonly namespace?: string;
  readonly run?: RunCommand;
}

const lookMillis = 5_000;
const nothingOn: Forwarding = { 4: false, 6: false };
const idle: HostState = { changes: [], restored: 0, problems: [] };

export class HostRules implements HostNetwork {
  readonly #options: HostRulesOptions;
  readonly #host: Pick<Host, "clock" | "events" | "log">;
  readonly #turns = new Turns();
  readonly #overlap: OverlapAlert;
  #plan: HostPlan | undefined;
  /** Text of our table as the kernel told it after it was made. */
  #expected = "";
  #turnedOn = nothingOn;
  #state = idle;
  #timer: Timer | undefined;
  #changed: () => void = () => {};
  /** Aborts when the port stops. */
  #life = new AbortController();

  constructor(options: HostRulesOptions, host: Pick<Host, "clock" | "events" | "log">) {
    this.#options = options;
    this.#host = host;
    this.#overlap = new OverlapAlert(host.events);
  }

  async apply(plan: HostPlan, signal: AbortSignal): Promise<void> {
    await this.#turns.take(async () => {
      signal.throwIfAborted();
      const survey = await this.#survey(plan, signal);
      await this.#enforce(plan, survey, signal);
      this.#plan = plan;
    });
    if (this.#timer === undefined) this.#lookLater();
  }

  async overlaps(ranges: readonly Prefix[], signal: AbortSignal): Promise<readonly string[]> {
    const { name, device } = this.#options;
    return (await surveyHost({ name, device, ranges }, this.#runner(signal))).overlaps;
  }

  /** Works on an object that never applied anything: what a killed run has made is recognised. */
  async clear(): Promise<void> {
    this.stop();
    await this.#turns.take(async () => {
      const survey = await this.#survey(undefined);
      const { stale } = foreignRules(survey, undefined, this.#options);
      const { turnOff } = this.#forwarding(survey, undefined);
      const problems = await this.#take([...stale, ...turnOff]);
      if (survey.own !== "") await this.#transaction(removeOwnTable(this.#options.name));
      [this.#plan, this.#turnedOn, this.#state] = [undefined, nothingOn, idle];
      this.#overlap.note([], []);
      if (problems.length > 0) throw new MeshError("PLUGIN_FAILED", problems.join("; "));
    });
  }

  state(): HostState {
    return this.#state;
  }

  onChange(handler: () => void): void {
    this.#changed = handler;
  }

  /** Ends the watch; everything stays as it is. */
  stop(): void {
    this.#life.abort(new MeshError("NOT_RUNNING", "The node stops"));
    this.#timer?.cancel();
  }

  /** Resolves when no step is under way. */
  async idle(): Promise<void> {
    await this.#turns.idle();
  }

  /** Compares, and makes again what is gone. */
  async look(): Promise<void> {
    await this.#turns.take(async () => {
      const plan = this.#plan;
      if (plan === undefined || this.#life.signal.aborted) return;
      const before = JSON.stringify(this.#state);
      try {
        await this.#repair(plan);
      } catch (error) {
        if (this.#life.signal.aborted) return;
        const problem = `The rules of the host cannot be looked at: ${(error as Error).message}`;
        this.#state = { ...this.#state, problems: [problem] };
      }
      if (JSON.stringify(this.#state) !== before) this.#changed();
    });
  }

  async #repair(plan: HostPlan): Promise<void> {
    const survey = await this.#survey(plan);
    if (plan.device !== undefined && !survey.hasDevice) this.#options.deviceGone?.();
    const gone = [
      ...(withoutHandles(survey.own) === this.#expected ? [] : [`table inet ${this.#options.name}`]),
      ...foreignRules(survey, plan, this.#options).missing.map(({ change }) => change.place),
      ...this.#forwarding(survey, plan).turnOn.map(({ change }) => change.place),
    ];
    if (gone.length === 0) return this.#note(plan, survey, []);
    const failed = await this.#enforce(plan, survey);
    // A step that fails each time is a problem to be told, not a repair every five seconds.
    if (failed >= gone.length) return;
    this.#host.log.log("warn", "Rules of the host were gone and are made again", {
      what: [...new Set(gone)],
    });
    this.#state = { ...this.#state, restored: this.#state.restored + 1 };
  }

  /** Our own table or nothing; how many of the steps elsewhere failed. */
  async #enforce(plan: HostPlan, survey: Survey, signal?: AbortSignal): Promise<number> {
    const forwarding = this.#forwarding(survey, plan);
    const { missing, stale } = foreignRules(survey, plan, this.#options);
    // Noted before it is done: what is turned on and not noted would never be turned off.
    await this.#transaction(ownTable(this.#options.name, plan, forwarding.turnedOn), signal);
    this.#turnedOn = forwarding.turnedOn;
    const steps = [...forwarding.turnOn, ...forwarding.turnOff, ...stale, ...missing];
    const problems = await this.#take(steps);
    const after = await this.#survey(plan, signal);
    this.#expected = withoutHandles(after.own);
    this.#note(plan, after, problems);
    return problems.length;
  }

  #note(plan: HostPlan, survey: Survey, failures: readonly string[]): void {
    const { present, missing } = foreignRules(survey, plan, this.#options);
    const forwarded = ([4, 6] as const).filter((family) => this.#turnedOn[family]);
    const changes: HostChange[] = [...forwarded.map(changeOf), ...present];
    const lasting = missing.length === 0
      ? []
      : this.#state.problems.filter((each) => each.startsWith(failed));
    const problems = [
      ...new Set([
        ...failures,
        ...lasting,
        ...this.#forwarding(survey, plan).problems,
        ...sealedProblems(survey, plan),
      ]),
    ];
    this.#state = { changes, restored: this.#state.restored, problems };
    this.#overlap.note(survey.overlaps, plan.ranges);
  }

  /** Each for itself: where one tool refuses, another may not. What failed, as sentences. */
  async #take(steps: readonly Step[]): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const { text, change } of steps) {
      try {
        await this.#runner()(`change ${change.tool}, ${change.place}`, text);
      } catch (error) {
        problems.push(`${failed}${(error as Error).message}`);
      }
    }
    return problems;
  }

  async #transaction(commands: ReturnType<typeof ownTable>, signal?: AbortSignal): Promise<void> {
    const purpose = `set the table inet ${this.#options.name}`;
    await this.#runner(signal)(purpose, fed("nft -j -f -", nftDocument(commands)));
  }

  async #survey(plan: HostPlan | undefined, signal?: AbortSignal): Promise<Survey> {
    const { name, device } = this.#options;
    return await surveyHost({ name, device, ranges: plan?.ranges ?? [] }, this.#runner(signal));
  }

  #forwarding(survey: Survey, plan: HostPlan | undefined): ForwardingPlan {
    return forwardingPlan(survey, plan, { name: this.#options.name, turnedOn: this.#turnedOn });
  }

  #runner(signal?: AbortSignal) {
    const { namespace, run } = this.#options;
    return async (purpose: string, text: string) =>
      await runScript({ purpose, text, ...namespace !== undefined && { namespace } }, signal, run);
  }

  #lookLater(): void {
    if (this.#life.signal.aborted) return;
    const { clock } = this.#host;
    this.#timer = clock.timer(
      clock.now() + lookMillis,
      () => void this.look().finally(() => this.#lookLater()),
    );
  }
}

const failed = "A rule could not be set: ";
