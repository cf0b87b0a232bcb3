// dockerode, the library of Node.js programs. Argument: the archive of the image base:1.
'use strict';
const assert = require('node:assert');
const fs = require('node:fs');
const { PassThrough } = require('node:stream');
const Docker = require('dockerode');

const docker = new Docker({ socketPath: process.env.DOCKER_HOST.replace('unix://', '') });

async function refused(status, promise) {
  await assert.rejects(promise, (error) => {
    assert.strictEqual(error.statusCode, status, error.message);
    return true;
  });
}

async function whole(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// Both streams of a container, taken apart.
async function parted(stream) {
  const out = new PassThrough();
  const err = new PassThrough();
  docker.modem.demuxStream(stream, out, err);
  stream.on('end', () => { out.end(); err.end(); });
  return [(await whole(out)).toString(), (await whole(err)).toString()];
}

function progress(stream) {
  return new Promise((done, fail) => {
    docker.modem.followProgress(stream, (error, lines) => (error ? fail(error) : done(lines)));
  });
}

async function images() {
  const lines = await progress(await docker.loadImage(fs.createReadStream(process.argv[2])));
  assert(lines.some((line) => (line.stream || '').includes('base:1')), JSON.stringify(lines));
  const base = docker.getImage('base:1');
  assert.deepStrictEqual((await base.inspect()).Config.Labels, { maker: 'tests' });
  await base.tag({ repo: 'shop/base', tag: '2' });
  assert.strictEqual((await docker.listImages({ filters: { reference: ['shop/*'] } })).length, 1);
  assert.strictEqual((await base.history()).length, 3);
  const saved = await whole(await base.get());
  assert(saved.length > 1000000);
  assert.deepStrictEqual(await docker.getImage('shop/base:2').remove(), [{ Untagged: 'shop/base:2' }]);
  await refused(404, docker.getImage('none:1').inspect());
}

async function ended() {
  const out = new PassThrough();
  const said = whole(out);
  const [result, container] = await docker.run('base:1', ['echo', 'hello'], out, { Tty: true });
  out.end();
  assert.strictEqual((await said).toString(), 'hello\r\n');
  assert.strictEqual(result.StatusCode, 0);
  await container.remove();
}

async function stays() {
  const container = await docker.createContainer({
    name: 'web', Image: 'base:1', Labels: { tier: 'front' }, Env: ['A=b'], OpenStdin: true, StdinOnce: true,
    Cmd: ['sh', '-c', 'echo ready; echo wrong >&2; while read x; do echo got $x; done; exit 4'],
    HostConfig: { Memory: 64 << 20, Binds: ['data:/data'] },
  });
  await refused(409, docker.createContainer({ name: 'web', Image: 'base:1' }));
  const attached = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
  const heard = parted(attached);
  const waited = container.wait({ condition: 'next-exit' });
  await container.start();
  await refused(304, container.start());
  assert.strictEqual((await container.inspect()).State.Status, 'running');
  assert.strictEqual((await docker.listContainers({ filters: { label: ['tier=front'] } })).length, 1);
  await refused(409, container.remove());

  const exec = await container.exec({ Cmd: ['sh', '-c', 'cat; echo $A >&2; exit 6'], AttachStdin: true, AttachStdout: true, AttachStderr: true });
  const line = await exec.start({ hijack: true, stdin: true });
  const said = parted(line);
  line.end('through\n');
  assert.deepStrictEqual(await said, ['through\n', 'b\n']);
  assert.strictEqual((await exec.inspect()).ExitCode, 6);

  await container.putArchive(await docker.getContainer('web').getArchive({ path: '/srv/greeting' }), { path: '/tmp' });
  assert((await whole(await container.getArchive({ path: '/tmp/greeting' }))).includes('hello\n'));
  await refused(404, container.getArchive({ path: '/none' }));
  assert((await container.changes()).some((change) => change.Path === '/tmp/greeting' && change.Kind === 1));
  assert((await container.top()).Processes.length >= 1);
  assert.strictEqual((await container.stats({ stream: false })).name, '/web');
  await container.resize({ h: 24, w: 80 }).catch((error) => assert(error.statusCode >= 400));
  await container.update({ Memory: 96 << 20, MemorySwap: 192 << 20 });
  await container.pause();
  await container.unpause();
  await container.rename({ name: 'site' });

  attached.write('word\n');
  attached.end();
  assert.strictEqual((await waited).StatusCode, 4);
  assert.deepStrictEqual(await heard, ['ready\ngot word\n', 'wrong\n']);
  const logs = await container.logs({ stdout: true, stderr: false, follow: true });
  assert.deepStrictEqual(await parted(logs), ['ready\ngot word\n', '']);
  await container.commit({ repo: 'copy', tag: '1' });
  await docker.getImage('copy:1').remove();
  return container;
}

async function objects(container) {
  const network = await docker.createNetwork({ Name: 'shop', Labels: { a: '1' }, IPAM: { Config: [{ Subnet: '10.82.0.0/24' }] } });
  await network.connect({ Container: 'site', EndpointConfig: { Aliases: ['site'] } });
  assert.strictEqual((await docker.listNetworks({ filters: { name: ['shop'] } })).length, 1);
  await network.disconnect({ Container: 'site' });
  assert.deepStrictEqual((await network.inspect()).Containers, {});
  await network.remove();
  await refused(404, network.inspect());
  assert.strictEqual((await docker.listVolumes()).Volumes[0].Name, 'data');
  await refused(409, docker.getVolume('data').remove());
  await container.remove({ v: true });
  await docker.getVolume('data').remove();
}

async function main() {
  const since = (await docker.info()).SystemTime;
  assert.strictEqual((await docker.ping()).toString(), 'OK');
  assert.strictEqual((await docker.version()).Os, 'linux');
  const live = await docker.getEvents({ filters: { type: ['volume'] } });
  const first = new Promise((done) => { live.once('data', (data) => done(JSON.parse(data.toString().split('\n')[0]))); });
  await images();
  await ended();
  await objects(await stays());
  assert.strictEqual((await first).Action, 'create');
  live.destroy();
  const until = (await docker.info()).SystemTime;
  const stamp = (time) => `${Math.floor(new Date(time) / 1000)}`;
  const told = await whole(await docker.getEvents({ since: stamp(since), until: `${Number(stamp(until)) + 1}`, filters: { type: ['container'], container: ['site'] } }));
  assert(told.toString().includes('"destroy"'), told.toString());
  assert.strictEqual((await docker.df()).Containers.length, 0);
  await docker.getImage('base:1').remove();
  console.log('all is well');
}

main().catch((error) => { console.error(error); process.exit(1); });
