/** What every discovery must do, and what one does whose targets can be edited. */
import assert from "node:assert/strict";
import type { Discovery, EditableTargets, Finding } from "../../core/contracts/discovery.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Endpoint, PeerId, PeerRecord } from "../../core/contracts/values.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { test } from "../harness.ts";

export interface DiscoveryKit<D extends Discovery & Lifecycle = Discovery & Lifecycle> {
  /** Begins the tests' names. */
  readonly name: string;
  /** Makes discoveries one after the other on the same state, as restarts of one node do. */
  readonly bed: () => () => D;
}

const self: PeerRecord = {
  id: "a".repeat(32) as PeerId,
  name: "self",
  noiseKey: new Uint8Array(32),
  endpoints: [{ host: "192.0.2.1", port: 6783 }],
};

export function testDiscovery({ name, bed }: DiscoveryKit): void {
  test(`${name}: nothing is found before the start, and nothing after the end`, async () => {
    const discovery = bed()();
    const findings = watched(discovery);
    assert.deepEqual(findings, []);
    await discovery.start?.(new AbortController().signal);
    await discovery[Symbol.asyncDispose]?.();
    const found = findings.length;
    discovery.announce(self);
    await Promise.resolve();
    assert.equal(findings.length, found);
  });

  test(`${name}: announcing is harmless at any time, and so are a second end and an end without a start`, async () => {
    const create = bed();
    const discovery = create();
    discovery.watch(() => {});
    discovery.announce(self);
    await discovery.start?.(new AbortController().signal);
    discovery.announce({ ...self, endpoints: [] });
    await discovery[Symbol.asyncDispose]?.();
    await discovery[Symbol.asyncDispose]?.();
    await create()[Symbol.asyncDispose]?.();
  });

  test(`${name}: targets are readable before the start, each with its source`, () => {
    for (const { endpoint, source } of bed()().targets()) {
      assert.ok(endpoint.port > 0);
      assert.ok(source.length > 0);
    }
  });
}

type Editable = Discovery & EditableTargets & Lifecycle;

const one = { host: "192.0.2.101", port: 6783 };
const two = { host: "2001:db8::102", port: 6784 };

export function testEditableTargets(kit: DiscoveryKit<Editable>): void {
  testAdding(kit);
  testRemoving(kit);
}

function testAdding({ name, bed }: DiscoveryKit<Editable>): void {
  test(`${name}: an added target is listed and found, and is there after a restart`, async () => {
    const create = bed();
    await started(create, async (discovery, findings) => {
      findings.length = 0;
      await discovery.addTargets([one, two]);
      assert.deepEqual(findings, [one, two].map((endpoint) => ({ type: "endpoint", endpoint })));
    });
    await started(create, (discovery, findings) => {
      for (const endpoint of [one, two]) {
        assert.ok(texts(discovery).includes(formatEndpoint(endpoint)));
        assert.ok(
          findings.some((finding) => finding.type === "endpoint" && same(finding.endpoint, endpoint)),
        );
      }
    });
  });

  test(`${name}: a target added twice is listed once and tried again at once`, () =>
    started(bed(), async (discovery, findings) => {
      await discovery.addTargets([one]);
      findings.length = 0;
      await discovery.addTargets([one]);
      assert.deepEqual(findings, [{ type: "endpoint", endpoint: one }]);
      assert.equal(texts(discovery).filter((text) => text === formatEndpoint(one)).length, 1);
    }));

  test(`${name}: a handler may edit the targets`, () =>
    started(bed(), async (discovery) => {
      const edits: Promise<void>[] = [];
      discovery.watch((finding) => {
        if (finding.type === "endpoint" && same(finding.endpoint, one)) {
          edits.push(discovery.removeTargets([one]));
        }
      });
      await discovery.addTargets([one, two]);
      await Promise.all(edits);
      assert.equal(edits.length, 1);
      assert.ok(!texts(discovery).includes(formatEndpoint(one)));
    }));
}

function testRemoving({ name, bed }: DiscoveryKit<Editable>): void {
  test(`${name}: a removed target stays removed after a restart, and removing it again is harmless`, async () => {
    const create = bed();
    await started(create, async (discovery) => {
      await discovery.addTargets([one, two]);
      await discovery.removeTargets([one]);
      await discovery.removeTargets([one, { host: "192.0.2.250", port: 1 }]);
      assert.ok(!texts(discovery).includes(formatEndpoint(one)));
    });
    await started(create, (discovery, findings) => {
      assert.ok(!texts(discovery).includes(formatEndpoint(one)));
      assert.ok(texts(discovery).includes(formatEndpoint(two)));
      assert.ok(!findings.some((finding) => finding.type === "endpoint" && same(finding.endpoint, one)));
    });
  });

  test(`${name}: every target can be removed, those of the configuration too, and added again`, async () => {
    const create = bed();
    let before: readonly Endpoint[] = [];
    await started(create, async (discovery) => {
      before = discovery.targets().map(({ endpoint }) => endpoint);
      await discovery.removeTargets(before);
    });
    await started(create, async (discovery, findings) => {
      assert.deepEqual([discovery.targets(), findings], [[], []]);
      await discovery.addTargets(before);
    });
    await started(create, (discovery) => assert.equal(discovery.targets().length, before.length));
  });
}

function watched(discovery: Discovery): Finding[] {
  const findings: Finding[] = [];
  discovery.watch((finding) => findings.push(finding));
  return findings;
}

async function started<D extends Discovery & Lifecycle>(
  create: () => D,
  body: (discovery: D, findings: Finding[]) => Promise<void> | void,
): Promise<void> {
  const discovery = create();
  const findings = watched(discovery);
  try {
    await discovery.start?.(new AbortController().signal);
    await body(discovery, findings);
  } finally {
    await discovery[Symbol.asyncDispose]?.();
  }
}

function texts(discovery: Discovery): string[] {
  return discovery.targets().map(({ endpoint }) => formatEndpoint(endpoint));
}

function same(left: Endpoint, right: Endpoint): boolean {
  return formatEndpoint(left) === formatEndpoint(right);
}
