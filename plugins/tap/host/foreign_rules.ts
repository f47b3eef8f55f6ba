/**
 * What has to be among the rules of others so that their firewall lets through what the host forwards for the network. A
 * packet needs the consent of every chain on the hook, so an accept of our own table helps nobody; ours go to the head of
 * each chain that might refuse, by the program that manages it, with our name as comment. Pure: a survey in, steps out.
 *
 * That they are there is all that is kept up. Their position is not: two tools that both insist on the first place would
 * take it from each other for ever, and who puts a drop before ours means it.
 *
 * Another node of this host has another comment, so that neither takes the rules of the other for its own.
 */
import type { HostChange, HostPlan } from "../../../core/contracts/exposure.ts";
import { fed } from "../script.ts";
import { accept, type ChainName, meta, nftDocument, type Rule, ruleIn } from "./nft_json.ts";
import { isRuleName } from "./own_table.ts";
import { type ForwardChain, type Iptables, isFirewalld, isIptablesChain, type Survey } from "./survey.ts";

const trustedZone = "trusted";

export interface Step {
  readonly change: HostChange;
  /** A shell script. */
  readonly text: string;
}

/** Why what comes from outside for the network does not pass, and what helps; empty when that cannot be said. */
export function sealedProblems({ isSealed, zone }: Survey, plan: HostPlan | undefined): readonly string[] {
  if (!isSealed || plan?.device === undefined || !isLeftToUs(zone ?? "")) return [];
  return [
    "firewalld keeps its table to itself (NftablesTableOwner) and refuses what comes from outside for the network, but for " +
    "services: set NftablesTableOwner=no in firewalld.conf, or make a policy of firewalld from those zones to trusted",
  ];
}

export interface ForeignRules {
  /** Of ours, there as they should be. */
  readonly present: readonly HostChange[];
  readonly missing: readonly Step[];
  /** Of ours, where they should not be any more. */
  readonly stale: readonly Step[];
}

/** Who a node of this host is among its rules. */
export interface RuleOwner {
  /** Of its table and of its rules among those of others, see `ruleName`. */
  readonly name: string;
  /** The host's interface, or what it would be called. */
  readonly device: string;
}

interface Wanted {
  readonly name: string;
  /** Undefined when there are to be no rules of ours. */
  readonly device: string | undefined;
}

/** Without a plan, or without an interface in it, all of ours are stale. */
export function foreignRules(survey: Survey, plan: HostPlan | undefined, owner: RuleOwner): ForeignRules {
  const { name } = owner;
  const device = plan?.device === undefined ? undefined : owner.device;
  const families = new Set(plan?.ranges.map(({ address }) => address.family));
  const parts = [
    ...survey.iptables.map((table) =>
      iptablesRules(table, { name, device: families.has(table.family) ? device : undefined })
    ),
    ...survey.forward.filter((chain) => !isManaged(chain, survey))
      .map((chain) =>
        isFirewalld(chain) && survey.zone !== undefined
          ? chainRules(chain, { name, device: isLeftToUs(survey.zone) ? device : undefined }, ["oifname"])
          : chainRules(chain, { name, device })
      ),
    zoneRules(survey, device, owner.device),
  ];
  return {
    present: parts.flatMap(({ present }) => present),
    missing: parts.flatMap(({ missing }) => missing),
    stale: parts.flatMap(({ stale }) => stale),
  };
}

/** By a program that we found, which is then asked; or by one that lets nobody else in. */
function isManaged(chain: ForwardChain, { iptables, isSealed }: Survey): boolean {
  if (isFirewalld(chain)) return isSealed;
  return isIptablesChain(chain) &&
    iptables.some(({ kind, family }) => kind === "nft" && (family === 4 ? "ip" : "ip6") === chain.family);
}

const directions = ["-i", "-o"] as const;

/** Docker reads DOCKER-USER first and leaves it alone; without it, the head of FORWARD. */
function iptablesRules(table: Iptables, { name, device }: Wanted): ForeignRules {
  const { FORWARD: forward, "DOCKER-USER": users } = table.chains;
  const place = users !== undefined && forward.some((line) => /^-A FORWARD (.* )?-j DOCKER-USER$/.test(line))
    ? "DOCKER-USER"
    : "FORWARD";
  const isOurs = (line: string) => commentOf(line) === name;
  const isAnyNodes = (line: string) => isRuleName(commentOf(line) ?? "");
  const isNeeded = forward.some((line) => line !== "-P FORWARD ACCEPT" && !isAnyNodes(line));
  const wanted = device === undefined || !isNeeded
    ? []
    : directions.map((way) => `-A ${place} ${way} ${device} -m comment --comment ${name} -j ACCEPT`);
  const ours = [...forward, ...users ?? []].filter(isOurs).map((line) => line.replaceAll('"', ""));
  const change = (line: string): HostChange => {
    const [, chain, ...rest] = line.split(" ");
    return { tool: toolOf(table), place: chain!, what: rest.join(" ") };
  };
  const step = (line: string, verb: string): Step => ({
    change: change(line),
    text: `${table.program} -w 5 ${line.replace(/^-A/, verb)}`,
  });
  return {
    present: wanted.filter((line) => ours.includes(line)).map(change),
    missing: wanted.filter((line) => !ours.includes(line)).map((line) => step(line, "-I")),
    stale: ours.filter((line, index) => !wanted.includes(line) || ours.indexOf(line) < index)
      .map((line) => step(line, "-D")),
  };
}

function toolOf({ family, kind }: Iptables): string {
  return `${family === 4 ? "iptables" : "ip6tables"}-${kind}`;
}

/**
 * Of a rule such as we make, else undefined. It is built from these words again when it is removed, so nothing else of the
 * line may pass. The program quotes a comment that has a dot.
 */
function commentOf(line: string): string | undefined {
  const rule =
    /^-A (?:FORWARD|DOCKER-USER) -[io] [\w-]{1,15} -m comment --comment ("?)([\w.-]{1,80})\1 -j ACCEPT$/;
  return rule.exec(line)?.[2];
}

const bothWays = ["iifname", "oifname"] as const;

function chainRules(
  chain: ForwardChain,
  { name, device }: Wanted,
  keys: readonly (typeof bothWays)[number][] = bothWays,
): ForeignRules {
  const where: ChainName = chain;
  const ours = chain.rules.filter(({ comment }) => comment === name);
  const isNeeded = device !== undefined && mayRefuse(chain, name);
  const place = `${chain.family} ${chain.table} ${chain.name}`;
  const change = (key: string): HostChange => ({
    tool: "nftables",
    place,
    what: `${key} "${device}" accept`,
  });
  const there = new Map(keys.map((key) => [key, ours.find((rule) => matches(rule, key, device))]));
  const kept = new Set(isNeeded ? there.values() : []);
  return {
    present: isNeeded ? keys.filter((key) => there.get(key) !== undefined).map(change) : [],
    missing: isNeeded
      ? keys.filter((key) => there.get(key) === undefined).map((key) => ({
        change: change(key),
        text: transaction({ insert: ruleIn(where, [meta(key, device), accept], name) }),
      }))
      : [],
    stale: ours.filter((rule) => !kept.has(rule)).map(({ handle }) => ({
      change: { tool: "nftables", place, what: `rule ${handle}` },
      text: transaction({
        delete: { rule: { family: chain.family, table: chain.table, chain: chain.name, handle } },
      }),
    })),
  };
}

function transaction(command: Parameters<typeof nftDocument>[0][number]): string {
  return fed("nft -j -f -", nftDocument([command]));
}

/** Its policy, or a rule that ends or goes elsewhere, might. */
function mayRefuse({ policy, rules }: ForwardChain, name: string): boolean {
  return policy === "drop" ||
    rules.some(({ expr, comment }) =>
      comment !== name &&
      expr.some((each) =>
        ["drop", "reject", "jump", "goto", "queue", "vmap", "xt"].some((verb) => verb in each)
      )
    );
}

function matches({ expr }: Rule, key: string, device: string | undefined): boolean {
  return JSON.stringify(expr[0]) === JSON.stringify({
    match: { op: "==", left: { meta: { key } }, right: device },
  });
}

/** No zone yet, or the one that we put it in: an administrator who chose another knows better. */
function isLeftToUs(zone: string): boolean {
  return zone === "" || zone === trustedZone;
}

/**
 * For as long as firewalld runs: what it keeps for good is the administrator's. An interface that is there while we have
 * none is another node's, or the administrator's own. A zone speaks of what comes from an interface only: what goes to it
 * from the others has a rule in the chain, where firewalld has a place for it in its lasting configuration alone (policies).
 */
function zoneRules({ zone, hasDevice }: Survey, wanted: string | undefined, device: string): ForeignRules {
  const none: ForeignRules = { present: [], missing: [], stale: [] };
  if (zone === undefined) return none;
  const change = { tool: "firewalld", place: `zone ${trustedZone}`, what: `interface ${device}` };
  const command = (verb: string) => `firewall-cmd -q --zone=${trustedZone} --${verb}-interface=${device}`;
  if (wanted === undefined) {
    const isOurs = zone === trustedZone && !hasDevice;
    return isOurs ? { ...none, stale: [{ change, text: command("remove") }] } : none;
  }
  if (!isLeftToUs(zone)) return none;
  return zone === trustedZone
    ? { ...none, present: [change] }
    : { ...none, missing: [{ change, text: command("add") }] };
}
