use super::*;
use std::collections::BTreeSet;

#[test]
fn every_setting_has_one_flag_one_variable_and_one_key_of_the_same_name() {
    for spec in TABLE {
        assert_eq!(spec.var.is_some(), spec.key.is_some(), "{}", spec.flag);
        let (Some(var), Some(key)) = (spec.var, spec.key) else { continue };
        assert_eq!(var, format!("OFFGRID_SETUP_{}", key.to_uppercase()));
        let kebab = key.replace('_', "-");
        match spec.kind {
            Kind::NoSwitch => assert_eq!(spec.flag, format!("--no-{kebab}")),
            Kind::Flags(flags) => {
                assert_eq!(spec.flag, flags[0].0);
                assert!(flags.iter().all(|(flag, value)| flag.strip_prefix("--") == Some(value)));
            }
            // Named for what is typed (DESIGN 6).
            Kind::OneOr { .. } => assert_eq!((spec.flag, key), ("--llama-server", "engine")),
            _ => assert_eq!(spec.flag, format!("--{kebab}")),
        }
        assert!(key.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{key}");
    }
}

#[test]
fn no_name_is_there_twice() {
    let flags: Vec<_> = TABLE.iter().flat_map(Spec::flags).collect();
    let shorts: Vec<_> = TABLE.iter().filter_map(|s| s.short).chain(['h', 'V']).collect();
    let keys: Vec<_> = TABLE.iter().filter_map(|s| s.key).collect();
    assert_eq!(flags.iter().collect::<BTreeSet<_>>().len(), flags.len());
    assert_eq!(shorts.iter().collect::<BTreeSet<_>>().len(), shorts.len());
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    assert!(!flags.contains(&"--help"));
    assert!(TABLE.iter().all(|s| s.short.is_none() || s.kind == Kind::Switch));
}
