//! What the device tests report: for each adapter, cases run, cases passed, cases left out and why.
//!
//! Each test process writes files of JSON lines into the folder that the environment variable `CNN_TEST_REPORT` names:
//! `{"adapter": "...", "backend": "Vulkan", "family": "conv2d", "run": 9, "passed": 9,
//! "excluded": [{"case": "...", "count": 1, "reason": "..."}]}`, where `count` says how many cases the entry stands for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Ends an adapter's name where its device was made with WebGPU's default limits: the same adapter once more.
const DEFAULT_LIMITS: &str = ", default limits";

/// The counts of one family of cases on one adapter.
#[derive(Debug, Default, Clone, PartialEq)]
struct Counts {
    run: u64,
    passed: u64,
    /// Cases left out, by reason: what they are and how many.
    excluded: BTreeMap<String, Vec<(String, u64)>>,
}

impl Counts {
    fn left_out(&self) -> u64 {
        self.excluded.values().flatten().map(|(_, count)| count).sum()
    }
}

/// The counts of every family, by adapter and backend.
#[derive(Debug, Default, PartialEq)]
pub struct Report {
    adapters: BTreeMap<String, BTreeMap<String, Counts>>,
}

impl Report {
    /// Sums all files of `folder`.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let mut report = Self::default();
        for entry in fs::read_dir(folder).map_err(|e| format!("cannot list {}: {e}", folder.display()))? {
            let path = entry.map_err(|e| format!("cannot list {}: {e}", folder.display()))?.path();
            let text = fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                report.add(line).map_err(|e| format!("{}: {e}: {line}", path.display()))?;
            }
        }
        Ok(report)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let line: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
        let text = |value: &Value, key: &str| value[key].as_str().map(String::from).ok_or(format!("no text `{key}`"));
        let number = |value: &Value, key: &str| value[key].as_u64().ok_or(format!("no count `{key}`"));
        let name = text(&line, "adapter")?;
        let (name, limits) = match name.strip_suffix(DEFAULT_LIMITS) {
            Some(name) => (name, DEFAULT_LIMITS),
            None => (name.as_str(), ""),
        };
        let adapter = format!("{name}, {}{limits}", text(&line, "backend")?);
        let counts = self.adapters.entry(adapter).or_default().entry(text(&line, "family")?).or_default();
        counts.run += number(&line, "run")?;
        counts.passed += number(&line, "passed")?;
        for case in line["excluded"].as_array().ok_or("no list `excluded`")? {
            let entry = (text(case, "case")?, number(case, "count")?);
            counts.excluded.entry(text(case, "reason")?).or_default().push(entry);
        }
        Ok(())
    }

    /// One line for each adapter, then what it left out.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (adapter, families) in &self.adapters {
            let sum = |count: fn(&Counts) -> u64| families.values().map(count).sum::<u64>();
            let [run, passed, left_out] = [sum(|c| c.run), sum(|c| c.passed), sum(Counts::left_out)];
            lines.push(format!("{adapter}: {run} cases run, {passed} passed, {left_out} left out"));
            for (family, counts) in families {
                for (reason, cases) in &counts.excluded {
                    let cases: Vec<String> = cases.iter().map(|(case, count)| format!("{case} ({count})")).collect();
                    lines.push(format!("    left out of {family}, {reason}: {}", cases.join(", ")));
                }
            }
        }
        lines
    }

    /// What is wrong with the counts: a failed case, too few adapters, or an adapter that was spared cases in silence.
    pub fn problems(&self, adapters: usize) -> Vec<String> {
        let mut problems = Vec::new();
        let [full, limited]: [Vec<_>; 2] = [false, true].map(|limited| {
            self.adapters.iter().filter(|(name, _)| name.ends_with(DEFAULT_LIMITS) == limited).collect()
        });
        let tested = full.iter().filter(|(_, families)| families.values().any(|c| c.run > 0)).count();
        if tested < adapters {
            problems.push(format!("{tested} adapters were tested, {adapters} are demanded"));
        }
        problems.extend(gaps(&full));
        problems.extend(gaps(&limited));
        problems
    }
}

/// Failed cases, and families of which one adapter accounts for fewer cases than another.
fn gaps(adapters: &[(&String, &BTreeMap<String, Counts>)]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut demanded = BTreeMap::<&str, u64>::new();
    for (family, counts) in adapters.iter().flat_map(|(_, families)| *families) {
        let most = demanded.entry(family).or_default();
        *most = (*most).max(counts.run + counts.left_out());
    }
    for (adapter, families) in adapters {
        for (family, demanded) in &demanded {
            let counts = families.get(*family).cloned().unwrap_or_default();
            if counts.passed != counts.run {
                problems.push(format!("{adapter}: {} of {family} failed", counts.run.abs_diff(counts.passed)));
            }
            let listed = counts.run + counts.left_out();
            if listed < *demanded {
                problems.push(format!(
                    "{adapter}: {family} accounts for {listed} cases, another adapter for {demanded}; \
                         a case left out has to be reported with its reason"
                ));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(adapter: &str, family: &str, run: u64, passed: u64, excluded: &str) -> String {
        format!(
            r#"{{"adapter": "{adapter}", "backend": "Vulkan", "family": "{family}", "run": {run}, "passed": {passed}, "excluded": [{excluded}]}}"#
        )
    }

    fn report(lines: &[String]) -> Report {
        let folder = tempfile::tempdir().unwrap();
        for (i, line) in lines.iter().enumerate() {
            fs::write(folder.path().join(format!("{i}.jsonl")), format!("{line}\n")).unwrap();
        }
        Report::read(folder.path()).unwrap()
    }

    #[test]
    fn files_are_summed_by_adapter() {
        let left_out = r#"{"case": "all in f16", "count": 5, "reason": "no f16"}"#;
        let sum = report(&[
            line("a", "conv2d", 10, 10, ""),
            line("a", "conv2d", 5, 5, ""),
            line("a", "gemm", 1, 1, ""),
            line("b", "conv2d", 10, 10, left_out),
            line("b", "gemm", 1, 1, ""),
        ]);
        let expected = [
            "a, Vulkan: 16 cases run, 16 passed, 0 left out",
            "b, Vulkan: 11 cases run, 11 passed, 5 left out",
            "    left out of conv2d, no f16: all in f16 (5)",
        ];
        assert_eq!(sum.lines(), expected);
        assert_eq!(sum.problems(2), Vec::<String>::new());
        assert_eq!(sum.problems(3), ["2 adapters were tested, 3 are demanded"]);
    }

    #[test]
    fn failures_and_silent_gaps_are_problems() {
        let none_run = report(&[line("a", "conv2d", 0, 0, "")]);
        assert_eq!(none_run.problems(1), ["0 adapters were tested, 1 are demanded"]);
        let failed = report(&[line("a", "conv2d", 10, 8, "")]);
        assert_eq!(failed.problems(1), ["a, Vulkan: 2 of conv2d failed"]);
        let gap = report(&[line("a", "conv2d", 10, 10, ""), line("b", "gemm", 10, 10, "")]).problems(2);
        assert_eq!(gap.len(), 2);
        assert!(gap[0].starts_with("a, Vulkan: gemm accounts for 0 cases, another adapter for 10"), "{gap:?}");
    }

    #[test]
    fn default_limits_make_no_second_adapter() {
        let sum = report(&[line("a", "conv2d", 10, 10, ""), line("a, default limits", "gemm", 5, 4, "")]);
        let expected = [
            "a, Vulkan: 10 cases run, 10 passed, 0 left out",
            "a, Vulkan, default limits: 5 cases run, 4 passed, 0 left out",
        ];
        assert_eq!(sum.lines(), expected);
        let problems = ["1 adapters were tested, 2 are demanded", "a, Vulkan, default limits: 1 of gemm failed"];
        assert_eq!(sum.problems(2), problems);
    }

    #[test]
    fn malformed_lines_are_named() {
        for (text, problem) in [("{", "EOF"), ("{\"adapter\": \"a\"}", "`backend`")] {
            let error = Report::default().add(text).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
