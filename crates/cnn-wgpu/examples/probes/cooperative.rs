//! Matrix products on the device's matrix units: float16 factors, float32 sums.

use cnn_core::DType;
use cnn_core::op::{Gemm, Op};
use cnn_cpu::reference::{self, Array};
use cnn_wgpu::{decode, encode, wgpu};
use serde_json::{Value, json};
use wgpu::{CooperativeScalarType as Scalar, naga};

use crate::runner::{Access, Job, Runner};

/// Rows and columns of the output that a subgroup holds; four subgroups make a workgroup, two by two.
pub const TILES: [[u32; 2]; 3] = [[32, 32], [64, 32], [64, 64]];
/// Side of the product that is held against the reference: a multiple of every workgroup's tile.
const CHECKED: usize = 256;

/// The fragment's side, if the adapter multiplies square float16 fragments that WGSL can name into float32.
pub fn fragment(adapter: &wgpu::Adapter) -> Option<u32> {
    let square = |p: &wgpu::CooperativeMatrixProperties| {
        [p.n_size, p.k_size] == [p.m_size; 2]
            && [8, 16].contains(&p.m_size)
            && (p.ab_type, p.cr_type) == (Scalar::F16, Scalar::F32)
    };
    adapter.cooperative_matrix_properties().iter().filter(|p| square(p)).map(|p| p.m_size).max()
}

/// `y = a b` for a `[M, K]`, b `[K, N]` and y `[M, N]`, all row-major, M and N multiples of the workgroup's tile (two of the
/// subgroup's `tile` each way) and K one of 32. A workgroup stages 32 columns of a and 32 rows of b, each row two vectors
/// longer than it need be, so that rows begin in different banks.
pub fn wgsl(fragment: u32, tile: [u32; 2], lanes: u32) -> String {
    let [rows, columns] = tile.map(|side| side / fragment);
    let mat = |ty: &str| format!("coop_mat{fragment}x{fragment}<{ty}>");
    let each = |f: &dyn Fn(u32, u32) -> String| -> String {
        (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))).map(|(r, c)| f(r, c)).collect()
    };
    let sums = each(&|r, c| format!("    var y_{r}_{c}: {};\n", mat("f32, C")));
    let mut products = String::new();
    for depth in (0..32).step_by(fragment as usize) {
        for r in 0..rows {
            let at = format!("(row + {}u) * A_STRIDE + {}u", r * fragment, depth / 4);
            products +=
                &format!("        let a_{depth}_{r} = coopLoadT<{}>(&a_tile[{at}], A_STRIDE);\n", mat("f16, A"));
        }
        for c in 0..columns {
            let at = format!("{depth}u * B_STRIDE + (column + {}u) / 4u", c * fragment);
            products +=
                &format!("        let b_{depth}_{c} = coopLoadT<{}>(&b_tile[{at}], B_STRIDE);\n", mat("f16, B"));
        }
        products +=
            &each(&|r, c| format!("        y_{r}_{c} = coopMultiplyAdd(a_{depth}_{r}, b_{depth}_{c}, y_{r}_{c});\n"));
    }
    // naga 30 wants the place and the stride bound right before the store.
    let stores = each(&|r, c| {
        format!(
            "    {{ let at = (y_row + {}u) * params.n + y_column + {}u; let stride = params.n; coopStoreT(y_{r}_{c}, \
             &y[at], stride); }}\n",
            r * fragment,
            c * fragment
        )
    });
    let [tile_rows, tile_columns] = tile;
    format!(
        "enable f16;
enable wgpu_cooperative_matrix;

struct Params {{ m: u32, n: u32, k: u32 }}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage> a: array<vec4<f16>>;
@group(0) @binding(2) var<storage> b: array<vec4<f16>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

const M = {m}u;
const N = {n}u;
const INVOCATIONS = {invocations}u;
const A_STRIDE = 10u;
const B_STRIDE = N / 4u + 2u;

var<workgroup> a_tile: array<vec4<f16>, M * A_STRIDE>;
var<workgroup> b_tile: array<vec4<f16>, 32u * B_STRIDE>;

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) invocation: u32) {{
    let subgroup = invocation / {lanes}u;
    let row = (subgroup / 2u) * {tile_rows}u;
    let column = (subgroup % 2u) * {tile_columns}u;
{sums}    for (var k = 0u; k < params.k; k += 32u) {{
        for (var i = invocation; i < M * 8u; i += INVOCATIONS) {{
            a_tile[(i / 8u) * A_STRIDE + i % 8u] = a[((group.y * M + i / 8u) * params.k + k) / 4u + i % 8u];
        }}
        for (var i = invocation; i < 8u * N; i += INVOCATIONS) {{
            let depth = i / (N / 4u);
            let quad = i % (N / 4u);
            b_tile[depth * B_STRIDE + quad] = b[((k + depth) * params.n + group.x * N) / 4u + quad];
        }}
        workgroupBarrier();
{products}        workgroupBarrier();
    }}
    let y_row = group.y * M + row;
    let y_column = group.x * N + column;
{stores}}}
",
        m = 2 * tile_rows,
        n = 2 * tile_columns,
        invocations = 4 * lanes,
    )
}

/// Whether naga takes the kernel and writes SPIR-V of it: what can be said without a device that runs it.
pub fn compiles(wgsl: &str) -> Result<(), String> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|error| error.emit_to_string(wgsl))?;
    let capabilities = naga::valid::Capabilities::all();
    let info = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities)
        .validate(&module)
        .map_err(|error| error.emit_to_string(wgsl))?;
    let options = naga::back::spv::Options { lang_version: (1, 4), ..naga::back::spv::Options::default() };
    naga::back::spv::write_vec(&module, &info, &options, None).map(drop).map_err(|error| error.to_string())
}

/// A product of square matrices on the device.
struct Product {
    job: Job,
    y: wgpu::Buffer,
}

impl Product {
    async fn new(runner: &Runner, wgsl: &str, tile: [u32; 2], size: usize, data: [&[f32]; 2]) -> Result<Self, String> {
        let params: Vec<u8> = [size as u32; 3].iter().flat_map(|n| n.to_le_bytes()).collect();
        let params = runner.uniform(&params);
        let [a, b] = data.map(|data| runner.storage(&encode(data, DType::F16)));
        let y = runner.empty(4 * (size * size) as u64);
        let buffers = [(&params, Access::Uniform), (&a, Access::Read), (&b, Access::Read), (&y, Access::Write)];
        let [rows, columns] = tile.map(|side| size as u32 / (2 * side));
        let job = runner.job(wgsl, &buffers, [columns, rows, 1]).await?;
        Ok(Self { job, y })
    }
}

/// Holds the kernel against the reference: equal on small integers, within the reference's bound on reals.
async fn check(runner: &Runner, wgsl: &str, tile: [u32; 2]) -> Result<Value, String> {
    let count = CHECKED * CHECKED;
    let noise = |i: usize, seed: usize| ((i * 7919 + seed * 104_729) % 65_537) as f32 / 65_537.0 - 0.5;
    let integers = [1, 2].map(|seed| (0..count).map(|i| (8.0 * noise(i, seed)).round()).collect::<Vec<f32>>());
    let halves =
        |seed| decode(&encode(&(0..count).map(|i| noise(i, seed)).collect::<Vec<f32>>(), DType::F16), DType::F16);
    let mut report = json!({ "size": CHECKED });
    for (kind, [a, b]) in [("integers", integers), ("reals", [halves(3), halves(4)])] {
        let product = Product::new(runner, wgsl, tile, CHECKED, [&a, &b]).await?;
        runner.time(|encoder| product.job.pass(encoder))?;
        let got = decode(&runner.read(&product.y)?, DType::F32);
        let array =
            |data: &[f32]| Array { shape: vec![CHECKED, CHECKED], data: data.iter().map(|&x| f64::from(x)).collect() };
        let wanted = reference::evaluate(&Op::Gemm(Gemm::default()), &[&array(&a), &array(&b)], DType::F32)
            .map_err(|error| error.to_string())?;
        report[kind] = match kind {
            "integers" => json!({ "equal": got.iter().zip(&wanted.value.data).all(|(&x, &y)| f64::from(x) == y) }),
            _ => json!({ "worst_error_over_bound": wanted.worst(&got).map(|worst| worst.ratio) }),
        };
    }
    Ok(report)
}

/// Every tile: does it compile, does it agree, how fast is it. Without the device's feature only the first is answered.
pub async fn probe(runner: &Runner, fragment: Option<u32>, lanes: u32, largest: usize) -> Value {
    let mut report = Vec::new();
    for tile in TILES {
        let mut entry = json!({ "subgroup_tile": format!("{}x{}", tile[0], tile[1]) });
        for fragment in [8, 16] {
            let made = compiles(&wgsl(fragment, tile, lanes));
            entry["compiles_to_spirv"][fragment.to_string()] = made.map_or_else(|error| json!(error), |()| json!(true));
        }
        if let Some(fragment) = fragment {
            let wgsl = wgsl(fragment, tile, lanes);
            entry["agreement"] = check(runner, &wgsl, tile).await.unwrap_or_else(|error| json!({ "error": error }));
            entry["speed"] =
                speed(runner, &wgsl, tile, largest).await.unwrap_or_else(|error| json!({ "error": error }));
        }
        report.push(entry);
    }
    json!(report)
}

/// The largest product that the time allows.
async fn speed(runner: &Runner, wgsl: &str, tile: [u32; 2], largest: usize) -> Result<Value, String> {
    let mut size = CHECKED;
    loop {
        let data: Vec<f32> = (0..size * size).map(|i| (i % 17) as f32 / 17.0 - 0.5).collect();
        let product = Product::new(runner, wgsl, tile, size, [&data, &data]).await?;
        let seconds = runner.median(|encoder| product.job.pass(encoder))?;
        if size >= largest || 8.0 * seconds > runner.seconds {
            return Ok(crate::speed_of(size, seconds));
        }
        size *= 2;
    }
}
