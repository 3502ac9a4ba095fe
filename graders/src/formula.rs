//! Formulas of `multi` graders.

use std::collections::{BTreeMap, BTreeSet};

/// A formula of numbers, names, `+ - * / ^`, parentheses and the functions `min max abs floor ceil exp sqrt log`.
#[derive(Clone, Debug)]
pub struct Formula {
    text: String,
    root: Node,
}

#[derive(Clone, Debug)]
enum Node {
    Number(f64),
    Name(String),
    Negative(Box<Node>),
    Both(char, Box<[Node; 2]>),
    Call(Function, Vec<Node>),
}

#[derive(Clone, Copy, Debug)]
enum Function {
    Min,
    Max,
    One(fn(f64) -> f64),
}

/// How deep a formula may be nested: far beyond what anyone writes, and well within a thread's stack.
const DEPTH: u8 = 100;

/// Longest formula, in bytes. Each sign in a chain makes its tree deeper by one.
const LONGEST: usize = 4096;

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("expected at most {LONGEST} bytes, got {}", text.len()));
        }
        let mut reader = Reader { rest: text, depth: 0 };
        let root = reader.sum()?;
        match reader.rest.trim() {
            "" => Ok(Self { text: text.to_owned(), root }),
            rest => Err(format!("expected an operator at `{rest}`")),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names that it has.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.root.names(&mut names);
        names
    }

    /// Its value; `None` if a name has none, or if it is no number that can be written, as after a division by zero.
    #[must_use]
    pub fn value(&self, names: &BTreeMap<String, f64>) -> Option<f64> {
        self.root.value(names).filter(|value| value.is_finite())
    }
}

impl Node {
    fn names<'a>(&'a self, names: &mut BTreeSet<&'a str>) {
        match self {
            Node::Number(_) => {}
            Node::Name(name) => {
                names.insert(name);
            }
            Node::Negative(node) => node.names(names),
            Node::Both(_, nodes) => nodes.iter().for_each(|node| node.names(names)),
            Node::Call(_, nodes) => nodes.iter().for_each(|node| node.names(names)),
        }
    }

    fn value(&self, names: &BTreeMap<String, f64>) -> Option<f64> {
        Some(match self {
            Node::Number(number) => *number,
            Node::Name(name) => *names.get(name)?,
            Node::Negative(node) => -node.value(names)?,
            Node::Both(sign, nodes) => {
                let [a, b] = nodes.as_ref();
                let (a, b) = (a.value(names)?, b.value(names)?);
                match sign {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    '/' => a / b,
                    _ => a.powf(b),
                }
            }
            Node::Call(function, nodes) => {
                let mut values = nodes.iter().map(|node| node.value(names));
                let first = values.next()??;
                match function {
                    Function::Min => values.try_fold(first, |least, value| Some(least.min(value?)))?,
                    Function::Max => values.try_fold(first, |most, value| Some(most.max(value?)))?,
                    Function::One(function) => function(first),
                }
            }
        })
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: u8,
}

impl Reader<'_> {
    fn takes(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn sum(&mut self) -> Result<Node, String> {
        self.chain(&['+', '-'], Self::product)
    }

    fn product(&mut self) -> Result<Node, String> {
        self.chain(&['*', '/'], Self::negative)
    }

    fn chain(&mut self, signs: &[char], next: fn(&mut Self) -> Result<Node, String>) -> Result<Node, String> {
        let mut node = next(self)?;
        while let Some(sign) = signs.iter().find(|sign| self.takes(**sign)) {
            node = Node::Both(*sign, Box::new([node, next(self)?]));
        }
        Ok(node)
    }

    fn negative(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("nested too deep".to_owned());
        }
        let node = if self.takes('-') { Node::Negative(Box::new(self.negative()?)) } else { self.power()? };
        self.depth -= 1;
        Ok(node)
    }

    /// Binds more than a sign before it, and what is above is read first: `-2^2` is -4, and `2^3^2` 512.
    fn power(&mut self) -> Result<Node, String> {
        let base = self.value()?;
        Ok(if self.takes('^') { Node::Both('^', Box::new([base, self.negative()?])) } else { base })
    }

    fn value(&mut self) -> Result<Node, String> {
        if self.takes('(') {
            let node = self.sum()?;
            return if self.takes(')') { Ok(node) } else { Err(self.expected("`)`")) };
        }
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            return Err(self.expected("a number, a name or `(`"));
        }
        self.rest = after;
        if !self.takes('(') {
            let number = word.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            return match crate::number(word) {
                Some(value) if number => Ok(Node::Number(value)),
                _ if number => Err(format!("`{word}` is no number")),
                _ => Ok(Node::Name(word.to_owned())),
            };
        }
        let mut nodes = vec![self.sum()?];
        while self.takes(',') {
            nodes.push(self.sum()?);
        }
        if !self.takes(')') {
            return Err(self.expected("`)`"));
        }
        let function = match word {
            "min" => Function::Min,
            "max" => Function::Max,
            "abs" => Function::One(f64::abs),
            "floor" => Function::One(f64::floor),
            "ceil" => Function::One(f64::ceil),
            "exp" => Function::One(f64::exp),
            "sqrt" => Function::One(f64::sqrt),
            "log" => Function::One(f64::ln),
            _ => return Err(format!("there is no function `{word}`")),
        };
        match function {
            Function::One(_) if nodes.len() > 1 => Err(format!("`{word}` takes one value")),
            _ => Ok(Node::Call(function, nodes)),
        }
    }

    fn expected(&self, what: &str) -> String {
        match self.rest.trim() {
            "" => format!("expected {what} at the end"),
            rest => format!("expected {what} at `{rest}`"),
        }
    }
}
