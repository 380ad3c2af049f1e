//! Hand-written WGSL kernels and their two-directive preprocessor.
//!
//! A kernel is plain WGSL plus two directives, each on a line of its own:
//!
//! - `#import name` puts in the text of `shared/name.wgsl`; [`Variant::imports`] may send `name` to another file, which
//!   is how one kernel is had for float32 and float16, for vectors and for scalars.
//! - `#unroll i in 0..N {` … `}` repeats its body with `$i` replaced by 0, 1, … N-1. N is a number or one of
//!   [`Variant::constants`]. Shader compilers are given no unroll hints by naga, and an array that is indexed by a loop's
//!   variable lands in memory, so unrolling is ours to do.
//!
//! Every constant is also a `const` of the expanded WGSL. What comes out is what naga, Tint and bug reports see.

mod source;

use std::fmt::Write;

/// How a kernel is to be expanded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Variant {
    /// Where an `#import` of the first name takes the file of the second.
    pub imports: Vec<(&'static str, &'static str)>,
    /// Bounds of `#unroll` and `const NAME: u32` of the kernel.
    pub constants: Vec<(&'static str, u32)>,
}

/// A kernel's source is not well formed, or there is none of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("shader {shader}: {problem}")]
pub struct ExpandError {
    /// The kernel's name.
    pub shader: String,
    /// What is wrong.
    pub problem: String,
}

/// The names of the kernels that run everywhere.
pub fn kernels() -> impl Iterator<Item = &'static str> {
    source::KERNELS.iter().map(|(name, _)| *name)
}

/// The names of the kernels that need what browsers do not offer, such as subgroups.
pub fn native_kernels() -> impl Iterator<Item = &'static str> {
    source::NATIVE.iter().map(|(name, _)| *name)
}

/// The plain WGSL of a kernel.
///
/// # Errors
/// If no kernel has that name, an import is missing, or an `#unroll` has no end or an unknown bound.
///
/// ```
/// use cnn_shaders::{Variant, expand};
/// let variant = Variant { imports: vec![("scalar", "scalar_f32")], constants: vec![] };
/// let wgsl = expand("conv2d", &variant).unwrap();
/// assert!(wgsl.contains("@compute"));
/// assert!(expand("no_such_kernel", &variant).is_err());
/// ```
pub fn expand(name: &str, variant: &Variant) -> Result<String, ExpandError> {
    let fail = |problem: String| ExpandError { shader: name.into(), problem };
    let find = |list: &[(&str, &'static str)], name: &str| {
        list.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    };
    let text = find(source::KERNELS, name).or_else(|| find(source::NATIVE, name));
    let text = text.ok_or_else(|| fail("there is no such kernel".into()))?;

    let mut imported = Vec::new();
    let text = import(text, variant, &mut imported).map_err(fail)?;
    let text = unroll(&text, variant, &mut Vec::new()).map_err(fail)?;
    let (enables, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("enable "));
    let mut wgsl = String::new();
    for line in enables {
        wgsl.push_str(line);
        wgsl.push('\n');
    }
    for (name, value) in &variant.constants {
        let _ = writeln!(wgsl, "const {name}: u32 = {value}u;");
    }
    for line in rest {
        wgsl.push_str(line);
        wgsl.push('\n');
    }
    Ok(wgsl)
}

/// Replaces every `#import`; a file is put in once.
fn import(text: &str, variant: &Variant, imported: &mut Vec<&'static str>) -> Result<String, String> {
    let mut out = String::new();
    for line in text.lines() {
        let Some(name) = line.trim().strip_prefix("#import ") else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let name = variant.imports.iter().find(|(from, _)| *from == name.trim()).map_or(name.trim(), |(_, to)| to);
        let Some((name, text)) = source::SHARED.iter().find(|(known, _)| *known == name) else {
            return Err(format!("imports {name}, which is no file of shared/"));
        };
        if !imported.contains(name) {
            imported.push(name);
            out.push_str(&import(text, variant, imported)?);
        }
    }
    Ok(out)
}

/// Replaces every `#unroll`, the outer ones first.
fn unroll(text: &str, variant: &Variant, variables: &mut Vec<(String, u32)>) -> Result<String, String> {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(header) = line.trim().strip_prefix("#unroll ") else {
            out.push_str(&substitute(line, variables));
            out.push('\n');
            continue;
        };
        let (variable, count) = parse_header(header, variant)?;
        let mut body = String::new();
        let mut depth = 1;
        for line in lines.by_ref() {
            depth += line.matches('{').count();
            depth -= line.matches('}').count().min(depth);
            if depth == 0 {
                break;
            }
            body.push_str(line);
            body.push('\n');
        }
        if depth != 0 {
            return Err(format!("#unroll {header} has no closing brace"));
        }
        for i in 0..count {
            variables.push((variable.clone(), i));
            out.push_str(&unroll(&body, variant, variables)?);
            variables.pop();
        }
    }
    Ok(out)
}

/// `i in 0..N {` as ("i", N).
fn parse_header(header: &str, variant: &Variant) -> Result<(String, u32), String> {
    let malformed = || format!("#unroll {header} is not of the form `#unroll i in 0..N {{`");
    let (variable, rest) = header.split_once(" in 0..").ok_or_else(malformed)?;
    let bound = rest.trim().strip_suffix('{').ok_or_else(malformed)?.trim();
    let constant = || variant.constants.iter().find(|(name, _)| *name == bound).map(|(_, value)| *value);
    let count = bound.parse().ok().or_else(constant).ok_or_else(|| format!("#unroll's bound {bound} is unknown"))?;
    Ok((variable.trim().to_string(), count))
}

/// Replaces each `$variable`; of several names that fit, the innermost and longest.
fn substitute(line: &str, variables: &[(String, u32)]) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('$') {
        let tail = &rest[at + 1..];
        let fits = variables.iter().rev().filter(|(name, _)| tail.starts_with(name.as_str()));
        out.push_str(&rest[..at]);
        rest = match fits.max_by_key(|(name, _)| name.len()) {
            Some((name, value)) => {
                out.push_str(&value.to_string());
                &tail[name.len()..]
            }
            None => {
                out.push('$');
                tail
            }
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unroll_replaces_variables_and_nests() {
        let text = "a\n#unroll i in 0..2 {\n  #unroll j in 0..N {\n    acc$i_$j += $iu;\n  }\n  if (x) {\n  }\n}\nb";
        let variant = Variant { imports: vec![], constants: vec![("N", 2)] };
        let out = unroll(text, &variant, &mut Vec::new()).unwrap();
        let lines: Vec<&str> = out.lines().map(str::trim).collect();
        let expected = [
            "a",
            "acc0_0 += 0u;",
            "acc0_1 += 0u;",
            "if (x) {",
            "}",
            "acc1_0 += 1u;",
            "acc1_1 += 1u;",
            "if (x) {",
            "}",
            "b",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn malformed_sources_are_errors() {
        let variant = Variant::default();
        for (text, problem) in [
            ("#unroll i in 0..2 {\n", "no closing brace"),
            ("#unroll i in 0..M {\n}\n", "unknown"),
            ("#unroll i 0..2 {\n}\n", "not of the form"),
        ] {
            let error = unroll(text, &variant, &mut Vec::new()).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
        assert!(import("#import nothing\n", &variant, &mut Vec::new()).unwrap_err().contains("nothing"));
    }
}
