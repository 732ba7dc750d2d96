//! A reader of JSON of our own, written from RFC 8259 and the rules of A19: what
//! the product reads must be plain to this one too.

/// A value; the entries of a table in their order.
#[derive(Debug)]
pub enum Plain {
    Null,
    Bool,
    Number(i64),
    Text(String),
    List(Vec<Plain>),
    Table(Vec<(String, Plain)>),
}

/// How deep values may nest, and the largest integer.
const DEPTH: usize = 16;
const INTEGER: i64 = (1 << 53) - 1;

/// One value and nothing else.
pub fn parse(bytes: &[u8]) -> Option<Plain> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    reader.space();
    reader.rest.is_empty().then_some(value)
}

impl Plain {
    /// The entry of this name.
    pub fn get(&self, key: &str) -> Option<&Plain> {
        match self {
            Plain::Table(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// A number that is not below 0.
    pub fn number(&self) -> Option<u64> {
        match self {
            Plain::Number(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Plain::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The values of a list; none for anything else.
    pub fn list(&self) -> &[Plain] {
        match self {
            Plain::List(list) => list,
            _ => &[],
        }
    }

    /// The entries of a table; none for anything else.
    pub fn entries(&self) -> &[(String, Plain)] {
        match self {
            Plain::Table(entries) => entries,
            _ => &[],
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<Plain> {
        if depth > DEPTH {
            return None;
        }
        self.space();
        match self.rest.as_bytes().first()? {
            b'n' => self.take("null").map(|()| Plain::Null),
            b't' => self.take("true").map(|()| Plain::Bool),
            b'f' => self.take("false").map(|()| Plain::Bool),
            b'"' => self.text().map(Plain::Text),
            b'[' => self.list(depth),
            b'{' => self.table(depth),
            _ => self.number(),
        }
    }

    fn list(&mut self, depth: usize) -> Option<Plain> {
        self.take("[")?;
        let mut list = Vec::new();
        self.space();
        if self.take("]").is_some() {
            return Some(Plain::List(list));
        }
        loop {
            list.push(self.value(depth + 1)?);
            self.space();
            if self.take("]").is_some() {
                return Some(Plain::List(list));
            }
            self.take(",")?;
        }
    }

    fn table(&mut self, depth: usize) -> Option<Plain> {
        self.take("{")?;
        let mut entries: Vec<(String, Plain)> = Vec::new();
        self.space();
        if self.take("}").is_some() {
            return Some(Plain::Table(entries));
        }
        loop {
            self.space();
            let key = self.text()?;
            self.space();
            self.take(":")?;
            let value = self.value(depth + 1)?;
            if entries.iter().any(|(name, _)| *name == key) {
                return None;
            }
            entries.push((key, value));
            self.space();
            if self.take("}").is_some() {
                return Some(Plain::Table(entries));
            }
            self.take(",")?;
        }
    }

    fn text(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut text = String::new();
        loop {
            let next = self.rest.chars().next()?;
            self.rest = &self.rest[next.len_utf8()..];
            match next {
                '"' => return Some(text),
                '\\' => text.push(self.escaped()?),
                '\0'..='\u{1f}' => return None,
                other => text.push(other),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let kind = self.rest.chars().next()?;
        self.rest = &self.rest[kind.len_utf8()..];
        Some(match kind {
            '"' | '\\' | '/' => kind,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.four()?;
                if (0xd800..0xdc00).contains(&first) {
                    self.take("\\u")?;
                    let second = self.four()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                    return char::from_u32(0x10000 + ((first - 0xd800) << 10) + second);
                }
                return char::from_u32(first);
            }
            _ => return None,
        })
    }

    fn four(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4).filter(|d| d.bytes().all(|c| c.is_ascii_hexdigit()))?;
        self.rest = &self.rest[4..];
        u32::from_str_radix(digits, 16).ok()
    }

    /// A whole number; fractions and exponents are in no document.
    fn number(&mut self) -> Option<Plain> {
        let minus = self.take("-").is_some();
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        let plain = digits == "0" && !minus || !digits.is_empty() && !digits.starts_with('0');
        if !plain || rest.starts_with(['.', 'e', 'E']) {
            return None;
        }
        let number: i64 = digits.parse().ok().filter(|number| *number <= INTEGER)?;
        Some(Plain::Number(if minus { -number } else { number }))
    }
}
