import { Stack } from 'aws-cdk-lib';
import { AnyPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { expect, test } from 'vitest';
import { GcpTokenVendor } from '../infra/token-vendor.ts';
import { createApp, createVendorStack, PROFILES } from './infra-rig.ts';

const ALIAS = 'AWS::Lambda::Alias';

function doctorId({ resources }: ReturnType<typeof createVendorStack>): string {
  return Object.entries(resources(ALIAS))
    .filter(([, { Properties }]) => Properties.Name === 'Doctor')
    .map(([id]) => id)
    .join();
}

test.each([true, false])('the doctor is an alias of the function, with the API: %s', (api) => {
  const rig = createVendorStack(() => ({ api }));

  const names = rig.properties(ALIAS).map(({ Name }) => Name);

  expect(names).toContain('Doctor');
  expect(names).toHaveLength(3);
});

test('no route of the API leads to the doctor, and API Gateway may not invoke it', () => {
  const rig = createVendorStack();

  const id = doctorId(rig);
  const reachable = [
    ...rig.properties('AWS::ApiGatewayV2::Integration'),
    ...rig.properties('AWS::Lambda::Permission'),
  ];

  expect(id).not.toBe('');
  expect(reachable).toHaveLength(6);
  expect(JSON.stringify(reachable)).not.toContain(id);
});

test('a profile may be called doctor, and is another alias', () => {
  const rig = createVendorStack(() => ({ profiles: { ...PROFILES, doctor: { scopes: ['email'] } } }));

  const names = rig.properties(ALIAS).map(({ Name }) => Name);

  expect(names.sort()).toEqual(['Doctor', 'default', 'doctor', 'reports']);
});

test('grants the doctor on exactly its alias', () => {
  const rig = createVendorStack();
  const role = new Role(rig.stack, 'Operator', {
    assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
  });

  rig.vendor.grantDoctor(role);

  const policies = rig.properties('AWS::IAM::Policy');
  expect(policies.map(({ PolicyDocument }) => PolicyDocument)).toEqual([
    {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: { Ref: doctorId(rig) } }],
    },
  ]);
});

test.each([
  [
    'a role of another account',
    (stack: Stack) => Role.fromRoleArn(stack, 'R', 'arn:aws:iam::222222222222:role/x'),
  ],
  ['anybody', () => new AnyPrincipal()],
  ['a service', () => new ServicePrincipal('events.amazonaws.com')],
])('refuses to grant the doctor to %s', (_, granteeIn) => {
  const stack = new Stack(createApp(), 'Test', { env: { account: '111111111111', region: 'eu-west-1' } });
  const vendor = new GcpTokenVendor(stack, 'Vendor', { profiles: PROFILES });

  const grant = () => vendor.grantDoctor(granteeIn(stack));

  expect(grant).toThrow(/The alias Doctor cannot be granted to .* make a role in this one/s);
});
