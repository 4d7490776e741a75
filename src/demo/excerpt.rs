//! The lines of Terraform's output that tell the story.
//!
//! Kept: warnings and errors, what happens to each resource, and the closing line. Left out: the
//! warning of a development override, which a user of a released provider never sees, and that of
//! the sandbox, which the demo says itself.

/// Picks the telling lines of `output`, which is without colour.
pub(super) fn excerpt(output: &str) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut within = Within::Rest;
    for line in output.lines().map(str::trim_end) {
        if line.starts_with("Warning: ") || line.starts_with("Error: ") {
            let noise = NOISE.iter().any(|noise| line.contains(noise));
            within = if noise { Within::Noise } else { Within::Box };
        } else if ends_box(line) {
            within = Within::Rest;
        }
        let wanted = match within {
            Within::Box if line.is_empty() => kept.last().is_some_and(|last| !last.is_empty()),
            Within::Box => !is_source(line),
            Within::Noise => false,
            Within::Rest => is_event(line),
        };
        if wanted {
            let open = kept.last().is_some_and(|last| !last.is_empty());
            if within == Within::Box && line.starts_with("Warning: ") && open {
                kept.push(String::new());
            }
            kept.push(line.to_owned());
        }
        if within == Within::Rest && !wanted && kept.last().is_some_and(|last| last.is_empty()) {
            kept.pop();
        }
    }
    while kept.last().is_some_and(String::is_empty) {
        kept.pop();
    }
    kept
}

/// What a line is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// A warning or an error.
    Box,
    /// A warning that does not belong to the story.
    Noise,
    /// Anything else.
    Rest,
}

const NOISE: [&str; 2] =
    ["Provider development overrides are in effect", "Answers come from a sandbox"];

const CLOSING: [&str; 5] =
    ["Plan: ", "No changes.", "Apply complete!", "Destroy complete!", "Changes to Outputs"];

/// Whether a line begins something else than the warning before it.
fn ends_box(line: &str) -> bool {
    line.starts_with('─')
        || is_event(line)
        || line.starts_with("Terraform ")
        || line.starts_with("OpenTofu ")
}

/// The place in the configuration, which a warning names by line: the reader has no such file.
fn is_source(line: &str) -> bool {
    let numbered = line.trim_start().split_once(": ").map(|(number, _)| number);
    let numbered = numbered.is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    line.starts_with("  on ") || (line.starts_with(' ') && numbered)
}

/// `ADDRESS: Creating...` and its like, the plan's `# ADDRESS will be …`, and the closing lines.
fn is_event(line: &str) -> bool {
    let steps = ["ing... ", "ing...", "ation complete", "ruction complete", "ations complete"];
    let moves = line.split_once(": ").is_some_and(|(address, rest)| {
        !address.contains(' ')
            && steps.iter().any(|step| rest.contains(step))
            && !rest.starts_with("Refreshing")
            && !rest.starts_with("Still ")
    });
    moves || line.starts_with("  # ") || CLOSING.iter().any(|word| line.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_its_changes_its_warnings_and_its_sum() {
        let output = "\n\
Warning: Provider development overrides are in effect\n\n\
The following provider development overrides are set:\n - x\n\n\
Terraform used the selected providers to generate the following execution\nplan.\n\n\
Terraform will perform the following actions:\n\n\
\x20 # terraform_data.cache will be created\n  + resource \"terraform_data\" \"cache\" {\n    }\n\n\
Plan: 1 to add, 0 to change, 0 to destroy.\n\n\
Warning: Session termination pending\n\n  with a.b,\n  on main.tf line 1, in resource \"a\" \"b\":\n   1: resource \"a\" \"b\" {\n\n\
Target: cn-north-4/i-1, in this apply.\n\n\
─────────\n\nSaved the plan to: plan\n";
        let told = [
            "  # terraform_data.cache will be created",
            "Plan: 1 to add, 0 to change, 0 to destroy.",
            "",
            "Warning: Session termination pending",
            "",
            "  with a.b,",
            "",
            "Target: cn-north-4/i-1, in this apply.",
        ];
        assert_eq!(excerpt(output), told);
    }

    #[test]
    fn a_run_is_its_moves_in_their_order() {
        let output = "terraform_data.a: Refreshing state... [id=1]\nx_y.b: Destroying... [id=2]\n\
x_y.b: Still destroying... [id=2, 10s elapsed]\nx_y.b: Destruction complete after 1s\n\n\
Destroy complete! Resources: 1 destroyed.\n";
        let told = [
            "x_y.b: Destroying... [id=2]",
            "x_y.b: Destruction complete after 1s",
            "Destroy complete! Resources: 1 destroyed.",
        ];
        assert_eq!(excerpt(output), told);
    }

    #[test]
    fn errors_are_kept_whole() {
        let output =
            "x.b: Destroying...\n\nError: Sessions survived\n\nStill alive:\n  10.0.0.1:5\n";
        let told =
            ["x.b: Destroying...", "Error: Sessions survived", "", "Still alive:", "  10.0.0.1:5"];
        assert_eq!(excerpt(output), told);
    }
}
