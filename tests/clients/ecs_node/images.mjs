// The Node SDK, unmodified, through the three required operations. Prints one line for each check that held.
//
// node images.mjs FOLDER_OF_NODE_MODULES ENDPOINT ACCESS_KEY SECRET SNAPSHOT_ID

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const [folder, endpoint, accessKeyId, accessKeySecret, snapshotId] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const ecs = require('@alicloud/ecs20140526');
const { $OpenApiUtil } = require('@alicloud/openapi-core');

const POLL_MS = 50;
const POLLS_MAX = 1200;
const regionId = 'local-1';
const client = connect(accessKeySecret);

function connect(secret) {
  return new ecs.default(
    new $OpenApiUtil.Config({ accessKeyId, accessKeySecret: secret, endpoint, protocol: 'http', regionId }),
  );
}

function held(what) {
  console.log(`ok ${what}`);
}

async function refused(status, code, call) {
  await assert.rejects(call, (error) => {
    assert.deepEqual([error.statusCode, error.code], [status, code], error.message);
    return true;
  });
  held(`${status} ${code}`);
}

async function image(imageId, filters = { status: 'ALL' }) {
  const request = new ecs.DescribeImagesRequest({ regionId, imageId, ...filters });
  const { body } = await client.describeImages(request);
  assert.equal(body.totalCount, body.images.image.length);
  return body.images.image[0];
}

async function available(imageId) {
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    const found = await image(imageId);
    if (found.status === 'Available') return found;
    assert.equal(found.status, 'Creating');
    await sleep(POLL_MS);
  }
  throw new Error(`${imageId} is still not available`);
}

const imageName = `node-${process.pid}-${Date.now()}`;
const description = 'Über alles, a +b~* 名';
const asked = {
  regionId,
  snapshotId,
  imageName,
  description,
  imageFamily: 'node-family',
  dryRun: false,
  clientToken: imageName,
  features: new ecs.CreateImageRequestFeatures({ imdsSupport: 'v2' }),
  tag: [new ecs.CreateImageRequestTag({ key: 'made by', value: 'node' })],
  diskDeviceMapping: [new ecs.CreateImageRequestDiskDeviceMapping({ snapshotId, diskType: 'system' })],
};
const { imageId } = (await client.createImage(new ecs.CreateImageRequest(asked))).body;
assert.equal((await client.createImage(new ecs.CreateImageRequest(asked))).body.imageId, imageId);
held('CreateImage, twice under one token');

const found = await available(imageId);
assert.equal(found.imageName, imageName);
assert.equal(found.description, description);
assert.equal(found.features.imdsSupport, 'v2');
assert.deepEqual(found.tags.tag.map((tag) => [tag.tagKey, tag.tagValue]), [['made by', 'node']]);
assert.deepEqual(found.diskDeviceMappings.diskDeviceMapping.map((disk) => disk.snapshotId), [snapshotId]);
held('DescribeImages');
assert.ok(await image(imageId, { tag: [new ecs.DescribeImagesRequestTag({ key: 'made by', value: 'node' })] }));
assert.ok(!(await image(imageId, { imageOwnerAlias: 'others' })));
held('DescribeImages with filters');

const changes = { regionId, imageId, description: 'another one', imageName: `${imageName}-2` };
await client.modifyImageAttribute(new ecs.ModifyImageAttributeRequest(changes));
assert.equal((await image(imageId)).description, 'another one');
held('ModifyImageAttribute');

const create = (given) => () => client.createImage(new ecs.CreateImageRequest({ regionId, ...given }));
await refused(400, 'MissingParameter', create({}));
await refused(400, 'InvalidImageName.Malformed', create({ snapshotId, imageName: '?' }));
await refused(400, 'InvalidImageName.Duplicated', create({ snapshotId, imageName: `${imageName}-2` }));
await refused(400, 'IdempotenceParamNotMatch', create({ ...asked, description: 'not the same' }));
await refused(400, 'DryRunOperation', create({ snapshotId, dryRun: true }));
await refused(404, 'InvalidImageId.NotFound', () => client.modifyImageAttribute(
  new ecs.ModifyImageAttributeRequest({ regionId, imageId: 'm-00000000000000000000', description: 'nobody' }),
));
await refused(404, 'InvalidArchitecture', () => client.describeImages(
  new ecs.DescribeImagesRequest({ regionId, architecture: 'mips' }),
));
await refused(400, 'SignatureDoesNotMatch', () => connect('wrong').describeImages(
  new ecs.DescribeImagesRequest({ regionId }),
));

await client.deleteImage(new ecs.DeleteImageRequest({ regionId, imageId }));
assert.ok(!(await image(imageId)));
held('DeleteImage');
