import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import cdkJson from '../cdk.json' with { type: 'json' };
import { GcpTokenVendor, type GcpTokenVendorProps } from '../infra/token-vendor.ts';
import type { ProfilesDocument } from '../lambda/policy/profiles.ts';

/** A profile of each kind. */
export const PROFILES: ProfilesDocument = {
  default: { scopes: ['cloud-platform'], audiences: ['https://europe-west1-example.cloudfunctions.net/*'] },
  reports: { scopes: ['storage-ro'] },
};

type Resource = { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> };

/** An app with the project's own feature flags, so that what is tested is what `cdk synth` writes. */
export function createApp(): App {
  return new App({ analyticsReporting: false, context: cdkJson.context });
}

/** A vendor in a stack of its own; `template` is taken when it is first asked for, after all that a test adds. */
export function createVendorStack(props: (stack: Stack) => Partial<GcpTokenVendorProps> = () => ({})) {
  const app = createApp();
  const stack = new Stack(app, 'Test');
  const vendor = new GcpTokenVendor(stack, 'Vendor', { profiles: PROFILES, ...props(stack) });
  let template: Template | undefined;
  const resources = (type: string): Readonly<Record<string, Resource>> => {
    template ??= Template.fromStack(stack);
    return template.findResources(type) as Record<string, Resource>;
  };
  return {
    app,
    stack,
    vendor,
    resources,
    /** The logical id of the only resource of a type. */
    idOf: (type: string) => Object.keys(resources(type)).join(),
    /** The properties of all resources of a type. */
    properties: (type: string) => Object.values(resources(type)).map(({ Properties }) => Properties),
    /** The template as JSON. */
    text: () => JSON.stringify(Template.fromStack(stack).toJSON()),
  };
}
