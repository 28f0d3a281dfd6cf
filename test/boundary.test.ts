import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseBoundary } from '../lambda/policy/boundary.ts';

const RESOURCE = '//storage.googleapis.com/projects/_/buckets/reports';
const PERMISSION = 'inRole:roles/storage.objectViewer';
const RULE = { availableResource: RESOURCE, availablePermissions: [PERMISSION] };
const EXPRESSION = "resource.name.startsWith('projects/_/buckets/reports/objects/2026/')";

type Parsed = { readonly boundary: string | undefined; readonly faults: readonly string[] };

function parse(value: unknown): Parsed {
  const faults: string[] = [];
  return { boundary: parseBoundary(value, 'boundary', (fault) => faults.push(fault)), faults };
}

function faultsOf(value: unknown): readonly string[] {
  return parse(value).faults;
}

/** Rules whose canonical JSON has so many characters. */
function rulesOf(length: number) {
  const withTitle = (title: string) => [
    { ...RULE, availabilityCondition: { expression: EXPRESSION, title } },
  ];
  return withTitle('t'.repeat(length - (parse(withTitle('')).boundary ?? '').length));
}

test('says nothing of a boundary that is not there', () => {
  expect(parse(undefined)).toEqual({ boundary: undefined, faults: [] });
});

test('returns the rules as Google’s STS takes them', () => {
  const condition = { expression: EXPRESSION, title: 'This year', description: 'No older ones' };
  const rules = [RULE, { ...RULE, availabilityCondition: condition }];

  const { boundary = '', faults } = parse(rules);

  expect(faults).toEqual([]);
  expect(JSON.parse(boundary)).toEqual({ accessBoundary: { accessBoundaryRules: rules } });
});

test('leaves out of a condition what it does not have', () => {
  const { boundary } = parse([{ ...RULE, availabilityCondition: { expression: EXPRESSION } }]);

  expect(boundary).toBe(
    `{"accessBoundary":{"accessBoundaryRules":[{"availableResource":"${RESOURCE}","availablePermissions":["${PERMISSION}"],"availabilityCondition":{"expression":"${EXPRESSION}"}}]}}`,
  );
});

test('takes 10 rules, and not 11', () => {
  const rules = (count: number) => Array.from({ length: count }, () => RULE);

  expect(parse(rules(10))).toMatchObject({ boundary: expect.any(String), faults: [] });
  expect(parse(rules(11))).toEqual({
    boundary: undefined,
    faults: ['boundary: must be a list of 1 to 10 rules; Google takes no more (there are 11)'],
  });
});

test('takes 2,048 characters, and not one more', () => {
  expect(parse(rulesOf(2_048)).boundary).toHaveLength(2_048);
  expect(faultsOf(rulesOf(2_048))).toEqual([]);
  expect(faultsOf(rulesOf(2_049))).toEqual(['boundary: is 2049 characters long as JSON; Google takes 2048']);
});

test.each([[[]], [null], [7], ['rules'], [{}], [RULE], [true]])('refuses %j for a list of rules', (value) => {
  expect(faultsOf(value)).toEqual([expect.stringMatching(/^boundary: must be a list of 1 to 10 rules/)]);
});

test.each([null, undefined, 7, 'rule', [], [RULE], true])('refuses %j for a rule', (rule) => {
  expect(faultsOf([RULE, rule])).toEqual([
    'boundary[1]: must be an object with availableResource and availablePermissions',
  ]);
});

test.each([
  RESOURCE,
  '//storage.googleapis.com/projects/_/buckets/a-b',
  '//storage.googleapis.com/projects/_/buckets/a_b.c-d',
  '//storage.googleapis.com/projects/_/buckets/1ab',
  `//storage.googleapis.com/projects/_/buckets/${'b'.repeat(222)}`,
])('takes the bucket %s', (availableResource) => {
  expect(faultsOf([{ ...RULE, availableResource }])).toEqual([]);
});

test.each([
  undefined,
  null,
  7,
  '',
  [RESOURCE],
  'reports',
  'gs://reports',
  'https://storage.googleapis.com/projects/_/buckets/reports',
  'storage.googleapis.com/projects/_/buckets/reports',
  '//storage.googleapis.com/projects/_/buckets/',
  '//storage.googleapis.com/projects/_/buckets/ab',
  '//storage.googleapis.com/projects/_/buckets/*',
  '//storage.googleapis.com/projects/_/buckets/Reports',
  '//storage.googleapis.com/projects/_/buckets/-reports',
  '//storage.googleapis.com/projects/_/buckets/reports-',
  '//storage.googleapis.com/projects/_/buckets/..',
  `//storage.googleapis.com/projects/_/buckets/${'b'.repeat(223)}`,
  `${RESOURCE}/objects/x`,
  `${RESOURCE}/`,
  `${RESOURCE}\n`,
  ` ${RESOURCE}`,
  '//storage.googleapis.com/projects/example-project/buckets/reports',
  '//storage.googleapis.com.evil.example/projects/_/buckets/reports',
  '//storageagoogleapis.com/projects/_/buckets/reports',
  '//bigquery.googleapis.com/projects/example-project/datasets/reports',
  '//cloudresourcemanager.googleapis.com/projects/example-project',
])('refuses the resource %j', (availableResource) => {
  expect(faultsOf([{ ...RULE, availableResource }])).toEqual([
    'boundary[0].availableResource: must be //storage.googleapis.com/projects/_/buckets/NAME; only Cloud Storage can be bounded',
  ]);
});

test.each([
  [[PERMISSION]],
  [['inRole:roles/storage.objectViewer', 'inRole:roles/storage.objectCreator']],
  [['inRole:projects/example-project/roles/reader']],
  [['inRole:projects/example.com:example-project/roles/reader']],
  [['inRole:organizations/123456789012/roles/reader_2.x']],
])('takes the permissions %j', (availablePermissions) => {
  expect(faultsOf([{ ...RULE, availablePermissions }])).toEqual([]);
});

test.each([
  [undefined],
  [null],
  [PERMISSION],
  [[]],
  [{}],
  [7],
  [[PERMISSION, 7]],
  [[PERMISSION, null]],
  [[PERMISSION, '']],
  [[PERMISSION, 'roles/storage.objectViewer']],
  [['storage.objects.get']],
  [['inRole:']],
  [['inRole:roles/']],
  [['inRole:roles/*']],
  [['inrole:roles/storage.objectViewer']],
  [['inRole:folders/1/roles/reader']],
  [['inRole:organizations/example.com/roles/reader']],
  [['inRole:projects/a/b/roles/reader']],
  [[`${PERMISSION}\n`]],
  [[` ${PERMISSION}`]],
  [[[PERMISSION]]],
])('refuses the permissions %j', (availablePermissions) => {
  expect(faultsOf([{ ...RULE, availablePermissions }])).toEqual([
    'boundary[0].availablePermissions: must be a list such as ["inRole:roles/storage.objectViewer"]',
  ]);
});

test.each([null, 7, EXPRESSION, [], [{ expression: EXPRESSION }], {}, { title: 'x' }, true])(
  'refuses the condition %j, which says nothing',
  (availabilityCondition) => {
    expect(faultsOf([{ ...RULE, availabilityCondition }])).toEqual([
      expect.stringMatching(/^boundary\[0\]\.availabilityCondition\.expression: must be a condition in CEL/),
    ]);
  },
);

test.each(['', null, 7, [EXPRESSION]])('refuses the expression %j', (expression) => {
  expect(faultsOf([{ ...RULE, availabilityCondition: { expression } }])).toEqual([
    expect.stringMatching(/^boundary\[0\]\.availabilityCondition\.expression: /),
  ]);
});

test.each(['title', 'description'])('refuses a %s that is no string', (name) => {
  for (const value of [null, 7, ['x'], {}]) {
    const availabilityCondition = { expression: EXPRESSION, [name]: value };
    expect(faultsOf([{ ...RULE, availabilityCondition }])).toEqual([
      `boundary[0].availabilityCondition.${name}: must be a string`,
    ]);
  }
});

test('refuses fields that it does not know, at every level', () => {
  const condition: unknown = JSON.parse(`{"expression": "${EXPRESSION}", "location": "x", "__proto__": {}}`);

  expect(
    faultsOf([
      { ...RULE, availabilityConditon: {} },
      { ...RULE, availabilityCondition: condition },
      JSON.parse(`{"__proto__": ${JSON.stringify(RULE)}}`),
    ]),
  ).toEqual([
    'boundary[0].availabilityConditon: is not a field here (availableResource, availablePermissions, availabilityCondition)',
    'boundary[1].availabilityCondition.location: is not a field here (expression, title, description)',
    'boundary[1].availabilityCondition.__proto__: is not a field here (expression, title, description)',
    expect.stringMatching(/^boundary\[2\]\.__proto__: is not a field here/),
    expect.stringMatching(/^boundary\[2\]\.availableResource: /),
    expect.stringMatching(/^boundary\[2\]\.availablePermissions: /),
  ]);
});

test('reports every fault at once, each with its place', () => {
  expect(
    faultsOf([
      { availableResource: 'reports', availablePermissions: [], extra: 1 },
      7,
      { ...RULE, availabilityCondition: { title: 7, description: 7 } },
    ]).map((fault) => fault.split(':')[0]),
  ).toEqual([
    'boundary[0].extra',
    'boundary[0].availableResource',
    'boundary[0].availablePermissions',
    'boundary[1]',
    'boundary[2].availabilityCondition.expression',
    'boundary[2].availabilityCondition.title',
    'boundary[2].availabilityCondition.description',
  ]);
});

const bucket = fc
  .stringMatching(/^[a-z0-9][a-z0-9._-]{1,10}[a-z0-9]$/)
  .map((name) => `//storage.googleapis.com/projects/_/buckets/${name}`);
const permission = fc.constantFrom(
  PERMISSION,
  'inRole:roles/storage.objectCreator',
  'inRole:projects/p/roles/r',
);
const rule = fc.record(
  {
    availableResource: bucket,
    availablePermissions: fc.array(permission, { minLength: 1, maxLength: 3 }),
    availabilityCondition: fc.record(
      {
        expression: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
        title: fc.string({ unit: 'binary', maxLength: 5 }),
        description: fc.string({ maxLength: 5 }),
      },
      { requiredKeys: ['expression'] },
    ),
  },
  { requiredKeys: ['availableResource', 'availablePermissions'] },
);

/** The same value, with the members of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(reversed);
  }
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([name, member]) => [name, reversed(member)]),
      )
    : value;
}

test('is the same text, in whatever order the fields were written', () => {
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), (rules) => {
      const written = parse(rules);

      expect(parse(reversed(rules))).toEqual(written);
      expect(written.faults.filter((fault) => !fault.includes('characters long'))).toEqual([]);
      expect(JSON.parse(written.boundary ?? '')).toEqual({ accessBoundary: { accessBoundaryRules: rules } });
    }),
    { numRuns: 300 },
  );
});

test('is another text for other rules, and for the same ones in another order', () => {
  const twoRules = fc.tuple(rule, rule).filter(([a, b]) => JSON.stringify(a) !== JSON.stringify(b));
  fc.assert(
    fc.property(twoRules, ([a, b]) => {
      const texts = [[a], [b], [a, b], [b, a]].map((rules) => parse(rules).boundary);

      expect(new Set(texts).size).toBe(4);
    }),
    { numRuns: 300 },
  );
});

test('is text that a form can carry, percent-encoded, whatever stands in a condition', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }), (expression) => {
      const lone = `${expression}\ud800`;
      const { boundary = '' } = parse([{ ...RULE, availabilityCondition: { expression: lone } }]);

      const decoded = decodeURIComponent(encodeURIComponent(boundary));

      expect(JSON.parse(decoded).accessBoundary.accessBoundaryRules[0].availabilityCondition.expression).toBe(
        lone,
      );
    }),
    { numRuns: 200 },
  );
});
