//! Text with places to fill in. Owns nothing but the filling; what goes into a place
//! is quoted by whoever knows the place.

/// Fills `{NAME}` with its value, each once: what stands in a value is never a place.
/// A line that is nothing but a place without a value is left out.
pub(super) fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut text = String::new();
    for line in template.split_inclusive('\n') {
        let filled = fill_line(line, values);
        if filled != "\n" || line == "\n" {
            text.push_str(&filled);
        }
    }
    text
}

fn fill_line(line: &str, values: &[(&str, String)]) -> String {
    let (mut text, mut rest) = (String::new(), line);
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let place = after.split_once('}');
        let known = place.and_then(|(name, end)| {
            values.iter().find(|(key, _)| *key == name).map(|(_, value)| (value, end))
        });
        rest = match known {
            Some((value, end)) => {
                text.push_str(value);
                end
            }
            None => {
                text.push('{');
                after
            }
        };
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn places_are_filled_once_and_other_braces_stay() {
        let values = [("A", "{B}".to_owned()), ("B", "b".to_owned()), ("C", String::new())];
        assert_eq!(fill("x {A} {B} {D} f() {\n", &values), "x {B} b {D} f() {\n");
        assert_eq!(fill("1\n{C}\n\n2 {C}\n", &values), "1\n\n2 \n");
        assert_eq!(fill("{", &values), "{");
    }
}
