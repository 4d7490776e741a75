//! The shape of configurations, as Terraform is told it.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// A value's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `string`
    String,
    /// Any type; the value carries it.
    Dynamic,
    /// Elements of one type in order.
    List(Box<Type>),
    /// Elements of one type without order or repetition.
    Set(Box<Type>),
    /// Elements of one type by string key.
    Map(Box<Type>),
    /// Named attributes.
    Object(BTreeMap<String, Type>),
    /// Elements of given types in order.
    Tuple(Vec<Type>),
}

/// A whole schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Of the state's shape. State of an older version is refused: before this is raised, there must
    /// be something that converts the JSON of the versions before.
    pub version: i64,
    /// The body.
    pub block: Block,
}

/// The body of a block: attributes, and blocks nested in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Markdown.
    pub description: String,
    /// By name.
    pub attributes: BTreeMap<String, Attribute>,
    /// By name; names must not collide with attributes.
    pub blocks: BTreeMap<String, NestedBlock>,
}

/// One attribute of a block or of a nested attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// What it holds.
    pub kind: Kind,
    /// Who sets it.
    pub mode: Mode,
    /// Markdown.
    pub description: Cow<'static, str>,
    /// Hidden in Terraform's output.
    pub sensitive: bool,
    /// Never stored; only in configurations of resources and actions.
    pub write_only: bool,
    /// If set: what to use instead.
    pub deprecated: Option<String>,
}

/// What an attribute holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value of a type.
    Plain(Type),
    /// Nested attributes, written `x = { … }`.
    Nested(Nesting, BTreeMap<String, Attribute>),
}

/// Who sets an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The user must.
    Required,
    /// The user may.
    Optional,
    /// Only the provider.
    Computed,
    /// The user may, else the provider.
    OptionalComputed,
}

/// How often nested attributes or a nested block may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// Once or not at all.
    Single,
    /// In order.
    List,
    /// Without order or repetition.
    Set,
    /// By key.
    Map,
}

/// A block nested in a block, written `x { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedBlock {
    /// How often it may stand.
    pub nesting: Nesting,
    /// Its body.
    pub block: Block,
    /// Least number; 0 or 1 for single.
    pub min_items: i64,
    /// Greatest number, 0 for no bound. For a single block the same as `min_items`.
    pub max_items: i64,
}

impl Attribute {
    /// An attribute of a plain type.
    pub fn plain(kind: Type, mode: Mode, description: impl Into<Cow<'static, str>>) -> Attribute {
        Attribute::new(Kind::Plain(kind), mode, description)
    }

    /// A single nested attribute.
    pub fn object(
        attributes: BTreeMap<String, Attribute>,
        mode: Mode,
        description: impl Into<Cow<'static, str>>,
    ) -> Attribute {
        Attribute::new(Kind::Nested(Nesting::Single, attributes), mode, description)
    }

    /// An attribute of any kind that is neither sensitive, write-only nor deprecated.
    pub fn new(kind: Kind, mode: Mode, description: impl Into<Cow<'static, str>>) -> Attribute {
        Attribute {
            kind,
            mode,
            description: description.into(),
            sensitive: false,
            write_only: false,
            deprecated: None,
        }
    }

    /// The same, hidden in Terraform's output.
    #[must_use]
    pub fn sensitive(mut self) -> Attribute {
        self.sensitive = true;
        self
    }

    /// Whether the provider may set it.
    pub fn is_computed(&self) -> bool {
        matches!(self.mode, Mode::Computed | Mode::OptionalComputed)
    }

    /// The type of its value, nested attributes as objects.
    pub fn value_type(&self) -> Type {
        match &self.kind {
            Kind::Plain(kind) => kind.clone(),
            Kind::Nested(nesting, attributes) => {
                let fields = attributes.iter().map(|(name, one)| (name.clone(), one.value_type()));
                nesting.of(Type::Object(fields.collect()))
            }
        }
    }
}

impl Nesting {
    /// The type of values nested so.
    pub fn of(self, inner: Type) -> Type {
        match self {
            Nesting::Single => inner,
            Nesting::List => Type::List(Box::new(inner)),
            Nesting::Set => Type::Set(Box::new(inner)),
            Nesting::Map => Type::Map(Box::new(inner)),
        }
    }
}

impl Block {
    /// The object type of the block's values.
    pub fn value_type(&self) -> Type {
        let attributes = self.attributes.iter().map(|(name, one)| (name.clone(), one.value_type()));
        let blocks = self
            .blocks
            .iter()
            .map(|(name, one)| (name.clone(), one.nesting.of(one.block.value_type())));
        Type::Object(attributes.chain(blocks).collect())
    }
}
