import { createHash } from 'node:crypto';
import type { Answer } from './route.ts';

const CONTENT = 'hello\n';
const CREATED = '2025-01-15T09:23:45.678Z';
const GENERATION = '1736933025678000';
/** Of {@link CONTENT}, by the Castagnoli polynomial, which Node does not have. */
const CRC32C = 'NT3Yvg==';
const MD5 = createHash('md5').update(CONTENT).digest('base64');

/** The one object that every bucket has. */
export const OBJECT_NAME = 'hello.txt';

/** Returns a bucket as the API describes it. */
export function describeBucket(name: string): object {
  return {
    kind: 'storage#bucket',
    id: name,
    name,
    projectNumber: '123456789012',
    metageneration: '1',
    location: 'EUROPE-WEST1',
    locationType: 'region',
    storageClass: 'STANDARD',
    timeCreated: CREATED,
    updated: CREATED,
    iamConfiguration: { uniformBucketLevelAccess: { enabled: true } },
  };
}

/** Returns the object of a bucket as the API at `origin` describes it; gcloud and rclone download from where `mediaLink` says. */
export function describeObject(bucket: string, origin: string): object {
  const path = `storage/v1/b/${encodeURIComponent(bucket)}/o/${OBJECT_NAME}`;
  return {
    kind: 'storage#object',
    id: `${bucket}/${OBJECT_NAME}/${GENERATION}`,
    selfLink: `${origin}/${path}`,
    mediaLink: `${origin}/download/${path}?generation=${GENERATION}&alt=media`,
    bucket,
    name: OBJECT_NAME,
    generation: GENERATION,
    metageneration: '1',
    contentType: 'text/plain',
    storageClass: 'STANDARD',
    size: String(CONTENT.length),
    md5Hash: MD5,
    crc32c: CRC32C,
    timeCreated: CREATED,
    updated: CREATED,
  };
}

/** Returns the answer that carries the object's content, with the hashes that clients check it by. */
export function downloadObject(): Answer {
  return {
    status: 200,
    headers: {
      'content-type': 'text/plain',
      'x-goog-generation': GENERATION,
      'x-goog-metageneration': '1',
      'x-goog-storage-class': 'STANDARD',
      'x-goog-stored-content-length': String(CONTENT.length),
      'x-goog-hash': `crc32c=${CRC32C},md5=${MD5}`,
    },
    body: CONTENT,
  };
}
