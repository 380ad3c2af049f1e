// Compiles every .wgsl file of a folder with Tint: node check.mjs <index.js of the package webgpu> <folder>
// Dawn's null backend validates as a browser does, under WebGPU's default limits, and needs no GPU.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dawn, folder] = process.argv.slice(2);
const { create, globals } = await import(pathToFileURL(dawn));
Object.assign(globalThis, globals);

const gpu = create(['backend=null']);
const adapter = await gpu.requestAdapter();
const requiredFeatures = ['shader-f16'].filter((feature) => adapter.features.has(feature));
const device = await adapter.requestDevice({ requiredFeatures });

let failed = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.wgsl')).sort()) {
  const problem = await problemOf(readFileSync(join(folder, file), 'utf8'));
  if (problem) {
    failed += 1;
    console.log(`${file}: ${problem}`);
  }
}
device.destroy();
process.exit(failed ? 1 : 0);

// What Tint says of a shader, or nothing if it compiles to a pipeline.
async function problemOf(code) {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  await device.popErrorScope();
  const errors = messages.filter(({ type }) => type === 'error');
  if (errors.length) {
    return errors.map((e) => `${e.lineNum}:${e.linePos}: ${e.message}`).join('\n    ');
  }
  try {
    await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
  } catch (error) {
    return error.message;
  }
}
