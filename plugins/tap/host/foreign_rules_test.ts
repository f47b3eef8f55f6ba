import assert from "node:assert/strict";
import { test } from "../../../tests/harness.ts";
import { planOf } from "../../../tests/tap/host_bed.ts";
import { foreignRules, sealedProblems } from "./foreign_rules.ts";
import { ruleName } from "./own_table.ts";
import { forwardingPlan } from "./forwarding.ts";
import type { Iptables, Survey } from "./survey.ts";

const owner = { name: "selvage", device: "selvage0" };
const ours = (place: string, way: string) =>
  `-A ${place} ${way} selvage0 -m comment --comment selvage -j ACCEPT`;

const nothingOn = { name: "selvage", turnedOn: { 4: false, 6: false } };

function surveyOf(found: Partial<Survey> = {}): Survey {
  return {
    own: "",
    hasDevice: false,
    chains: [],
    forward: [],
    iptables: [],
    forwards: { 4: true, 6: true },
    isAdvertised: false,
    zone: undefined,
    isSealed: false,
    overlaps: [],
    ...found,
  };
}

function iptables(forward: readonly string[], users?: readonly string[]): Iptables {
  return {
    family: 4,
    kind: "legacy",
    program: "/usr/sbin/iptables-legacy",
    chains: { FORWARD: forward, "DOCKER-USER": users },
  };
}

function textsOf(survey: Survey, plan = planOf()): Record<string, readonly string[]> {
  const { missing, stale } = foreignRules(survey, plan, owner);
  return { missing: missing.map(({ text }) => text), stale: stale.map(({ text }) => text) };
}

test("a FORWARD chain that refuses nothing is left alone", () => {
  const survey = surveyOf({ iptables: [iptables(["-P FORWARD ACCEPT"])] });
  assert.deepEqual(textsOf(survey), { missing: [], stale: [] });
});

test("a policy or a rule that may refuse gets both directions, at the head", () => {
  for (const lines of [["-P FORWARD DROP"], ["-P FORWARD ACCEPT", "-A FORWARD -j REJECT"]]) {
    assert.deepEqual(textsOf(surveyOf({ iptables: [iptables(lines)] })), {
      missing: [
        "/usr/sbin/iptables-legacy -w 5 -I FORWARD -i selvage0 -m comment --comment selvage -j ACCEPT",
        "/usr/sbin/iptables-legacy -w 5 -I FORWARD -o selvage0 -m comment --comment selvage -j ACCEPT",
      ],
      stale: [],
    });
  }
});

test("rules of ours that are in the wrong chain, twice, or of another interface go", () => {
  const lines = ["-P FORWARD DROP", "-A FORWARD -j DOCKER-USER", ours("FORWARD", "-i")];
  const old = ours("DOCKER-USER", "-i").replace("selvage0", "old0");
  const users = [
    "-N DOCKER-USER",
    ours("DOCKER-USER", "-i"),
    ours("DOCKER-USER", "-i"),
    ours("DOCKER-USER", "-o"),
    old,
  ];
  const { missing, stale } = textsOf(surveyOf({ iptables: [iptables(lines, users)] }));
  assert.deepEqual(missing, []);
  assert.deepEqual(stale?.map((text) => text.split(" ").slice(3, 6).join(" ")), [
    "-D FORWARD -i",
    "-D DOCKER-USER -i",
    "-D DOCKER-USER -i",
  ]);
});

test("a chain of Docker's that nothing leads to is no place for a rule", () => {
  const { missing } = textsOf(surveyOf({ iptables: [iptables(["-P FORWARD DROP"], ["-N DOCKER-USER"])] }));
  assert.ok(missing?.every((text) => text.includes("-I FORWARD")));
});

test("each node of a host has rules under a name of its own, and needs none for those of the others", () => {
  const theirs = ["-i", "-o"].map((way) => ours("FORWARD", way).replace(" selvage ", ' "selvage-mesh.b" '));
  const survey = surveyOf({ iptables: [iptables(["-P FORWARD DROP", ...theirs])] });
  assert.deepEqual(textsOf(survey).stale, []);
  assert.equal(textsOf(survey).missing?.length, 2);
  const calm = surveyOf({ iptables: [iptables(["-P FORWARD ACCEPT", ...theirs])] });
  assert.deepEqual(textsOf(calm), { missing: [], stale: [] });
  const other = { name: ruleName("mesh.b"), device: "selvage0" };
  const { present, missing, stale } = foreignRules(survey, planOf(), other);
  assert.deepEqual(
    [present.length, missing.length, stale.length],
    [2, 0, 0],
    "a comment in quotes is the same",
  );
  assert.equal(foreignRules(survey, undefined, other).stale.length, 2);
  assert.deepEqual(["selvage", "mesh-a"].map(ruleName), ["selvage", "selvage-mesh-a"]);
});

test("a rule of somebody else that mentions us is not taken for ours, whatever is in it", () => {
  const hostile = "-A FORWARD -i $(reboot) -m comment --comment selvage -j ACCEPT";
  const { stale } = textsOf(surveyOf({ iptables: [iptables(["-P FORWARD DROP", hostile])] }));
  assert.deepEqual(stale, []);
});

const strict = {
  family: "inet",
  table: "fw",
  name: "fwd",
  handle: 1,
  hook: "forward",
  policy: "drop",
  rules: [],
};
const firewalld = { ...strict, table: "firewalld", name: "filter_FORWARD" };
const towards = { match: { op: "==", left: { meta: { key: "oifname" } }, right: "selvage0" } };
const entered = {
  ...firewalld,
  rules: [{ handle: 7, comment: "selvage", expr: [towards, { accept: null }] }],
};

test("while firewalld runs it is told of the interface, and what goes to it has a rule that no zone can give", () => {
  const running = { forward: [firewalld], chains: [firewalld] };
  const { missing, stale } = textsOf(surveyOf({ ...running, zone: "" }));
  assert.equal(missing?.length, 2);
  assert.match(missing![0]!, /"insert".*"filter_FORWARD".*"oifname"/);
  assert.equal(missing![1], "firewall-cmd -q --zone=trusted --add-interface=selvage0");
  assert.deepEqual(stale, []);
  const { present } = foreignRules(surveyOf({ forward: [entered], zone: "trusted" }), planOf(), owner);
  assert.deepEqual(present.map(({ place }) => place), ["inet firewalld filter_FORWARD", "zone trusted"]);
  const dmz = textsOf(surveyOf({ forward: [entered], zone: "dmz" }));
  assert.deepEqual([dmz.missing, dmz.stale?.length], [[], 1], "an administrator's choice");
  assert.deepEqual(textsOf(surveyOf({ ...running, zone: "trusted" }), planOf({ device: undefined })).stale, [
    "firewall-cmd -q --zone=trusted --remove-interface=selvage0",
  ]);
  const another = surveyOf({ ...running, zone: "trusted", hasDevice: true });
  assert.deepEqual(textsOf(another, planOf({ device: undefined })).stale, [], "an interface of another node");
});

test("of a table that firewalld keeps to itself nothing is asked, and what does not pass is a problem", () => {
  const sealed = surveyOf({ forward: [firewalld], chains: [firewalld], zone: "trusted", isSealed: true });
  assert.deepEqual(textsOf(sealed), { missing: [], stale: [] });
  assert.match(sealedProblems(sealed, planOf()).join(), /NftablesTableOwner=no/);
  for (const survey of [{ ...sealed, zone: "dmz" }, { ...sealed, isSealed: false }]) {
    assert.deepEqual(sealedProblems(survey, planOf()), []);
  }
  assert.deepEqual(sealedProblems(sealed, planOf({ device: undefined })), []);
});

test("a chain with a name that nft takes for a word of its own is named in JSON", () => {
  const { missing } = textsOf(surveyOf({ forward: [strict] }));
  assert.equal(missing?.length, 2);
  const [document] = /\{.*\}/.exec(missing![0]!)!;
  const { insert } = JSON.parse(document).nftables[0];
  assert.deepEqual([insert.rule.chain, insert.rule.comment], ["fwd", "selvage"]);
});

test("a chain that accepts by policy and refuses by a rule, also by a verdict map, gets our accept", () => {
  const verdicts = { key: { ct: { key: "state" } }, data: { set: [["invalid", { drop: null }]] } };
  for (const expr of [[{ drop: null }], [{ vmap: verdicts }], [{ xt: { type: "target", name: "DROP" } }]]) {
    const chain = { ...strict, policy: "accept", rules: [{ handle: 2, expr }] };
    assert.equal(textsOf(surveyOf({ forward: [chain] })).missing?.length, 2, JSON.stringify(expr));
  }
  const counting = { ...strict, policy: "accept", rules: [{ handle: 2, expr: [{ counter: null }] }] };
  assert.deepEqual(textsOf(surveyOf({ forward: [counting] })), { missing: [], stale: [] });
});

test("forwarding of IPv6 is not turned on where the default route would be lost by it", () => {
  const off = { forwards: { 4: false, 6: false }, isAdvertised: true } as const;
  const { turnOn, turnedOn, problems } = forwardingPlan(surveyOf(off), planOf(), nothingOn);
  assert.deepEqual(turnOn.map(({ text }) => text), ["echo 1 >/proc/sys/net/ipv4/ip_forward"]);
  assert.deepEqual(turnedOn, { 4: true, 6: false });
  assert.match(problems.join(), /accept_ra=2/);
});

test("forwarding that somebody turned off behind our back is turned on again, and off in the end", () => {
  const before = { name: "selvage", turnedOn: { 4: true, 6: false } };
  const again = forwardingPlan(surveyOf({ forwards: { 4: false, 6: undefined } }), planOf(), before);
  assert.equal(again.turnOn.length, 1);
  const end = forwardingPlan(surveyOf(), undefined, before);
  assert.deepEqual(end.turnOff.map(({ text }) => text), ["echo 0 >/proc/sys/net/ipv4/ip_forward"]);
});

test("forwarding that several nodes need is turned off by the last one that goes", () => {
  const chains = ["selvage", "selvage-b"].map((table) => ({
    family: "inet",
    table,
    name: "forwarding4-was-off",
    handle: 1,
  }));
  const both = { name: "selvage", turnedOn: { 4: true, 6: false } };
  assert.deepEqual(forwardingPlan(surveyOf({ chains }), undefined, both).turnOff, []);
  const last = forwardingPlan(surveyOf({ chains: [chains[0]!] }), undefined, both);
  assert.equal(last.turnOff.length, 1);
  const second = forwardingPlan(surveyOf({ chains: [chains[1]!] }), planOf(), nothingOn);
  assert.deepEqual(second.turnedOn, { 4: true, 6: false }, "on already, and noted by the first");
});

test("forwarding that Docker has come to need stays on, and is nobody's of ours any more", () => {
  const docker = iptables(["-P FORWARD DROP"], ["-N DOCKER-USER"]);
  const end = forwardingPlan(surveyOf({ iptables: [docker] }), undefined, {
    name: "selvage",
    turnedOn: { 4: true, 6: true },
  });
  assert.deepEqual(end.turnOff.map(({ text }) => text), ["echo 0 >/proc/sys/net/ipv6/conf/all/forwarding"]);
  assert.deepEqual(end.turnedOn, { 4: false, 6: false });
});
