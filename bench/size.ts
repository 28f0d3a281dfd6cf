import type { Result } from './result.ts';
import type { Workspace } from './workspace.ts';

function kilobytes(bytes: number): number {
  return bytes / 1000;
}

/** Returns how large the bundles are, source maps aside: of the vendor's, what is loaded at once. */
export function benchSize({ vendor, peer, peerWithPlugin }: Workspace): Result {
  return {
    benchmark: 'size',
    title: 'size of the bundle',
    findings: [
      { what: 'against the peer', value: vendor.bytes / peer.bytes, unit: '×', bar: 0.4 },
      { what: 'itself', value: kilobytes(vendor.bytes), unit: 'KB', bar: 250 },
    ],
    sides: [
      { who: 'vendor', amount: kilobytes(vendor.bytes), unit: 'KB' },
      { who: 'vendor, with all that it may load', amount: kilobytes(vendor.bytesInAll), unit: 'KB' },
      { who: 'peer', amount: kilobytes(peer.bytes), unit: 'KB' },
      { who: 'peer with our plugin', amount: kilobytes(peerWithPlugin.bytes), unit: 'KB' },
    ],
  };
}
