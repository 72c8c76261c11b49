//! Plans to begin with: YAML with comments.

/// A plan to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// Internal, 5, 25, 50 and 100 %, over eleven days, with approvals and a checklist.
    Careful,
    /// 10, 50 and 100 %, over a day.
    Fast,
}

impl Template {
    /// All templates.
    pub const ALL: [Self; 2] = [Self::Careful, Self::Fast];

    /// Returns the name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Careful => "careful",
            Self::Fast => "fast",
        }
    }

    /// Returns the template with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.as_str() == name)
    }

    /// Returns the text of the plan.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Careful => include_str!("template/careful.yaml"),
            Self::Fast => include_str!("template/fast.yaml"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_a_valid_plan() {
        for template in Template::ALL {
            let name = template.as_str();
            assert_eq!(Template::parse(name), Some(template));
            let plan = config::plan_document(name, template.text().as_bytes());
            let plan = plan.unwrap_or_else(|report| panic!("{report}")).plan;
            assert!(plan.finish.is_some(), "{name}");
        }
        assert_eq!(Template::parse("reckless"), None);
    }
}
