//! One row at a time to a statement over a set of rows, on SQLite: the statement with each `r.value ->> 'name'` as a parameter of its own, and a row's
//! fields bound to them. Rows written as JSON and read out of it again by SQLite took several times as long as what is done with them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use rusqlite::types::Null;
use rusqlite::{Statement, ToSql};
use serde::Serialize;
use serde::ser::{self, Impossible, SerializeMap, SerializeStruct, Serializer};

/// A statement for one row.
pub(super) struct Each {
    pub sql: String,
    /// The fields that it reads; the first is parameter 1.
    names: Vec<String>,
}

const SET: &str = "jsonb_each($1) r";
const FIELD: &str = "r.value ->> '";

impl Each {
    /// Of the text for a set, `OverRows::sqlite`. Made once in each thread.
    pub fn of(set: &'static str) -> Rc<Self> {
        thread_local! {
            // By address: these texts are constants.
            static MADE: RefCell<HashMap<*const u8, Rc<Each>>> = RefCell::default();
        }
        MADE.with_borrow_mut(|made| {
            let entry = made.entry(set.as_ptr());
            Rc::clone(entry.or_insert_with(|| Rc::new(Self::make(set))))
        })
    }

    fn make(set: &str) -> Self {
        // A set of one row needs no joining.
        let mut rest = set;
        let one_row;
        if let Some((before, after)) = set.split_once(SET) {
            one_row = of_one(before.trim(), after.trim());
            rest = &one_row;
        }
        let (mut sql, mut names) = (String::with_capacity(rest.len()), Vec::<String>::new());
        while let Some((before, after)) = rest.split_once(FIELD) {
            let (name, after) = after.split_once('\'').unwrap_or((after, ""));
            let known = names.iter().position(|it| it == name);
            let at = known.unwrap_or_else(|| {
                names.push(name.to_owned());
                names.len() - 1
            });
            sql += &format!("{before}?{}", at + 1);
            rest = after;
        }
        sql += rest;
        Self { sql, names }
    }

    /// Binds a row, a struct or map with a field for each parameter.
    pub fn bind(&self, row: &impl Serialize, to: &mut Statement<'_>) -> Result<(), BindError> {
        let fields = Fields {
            names: &self.names,
            to,
            bound: 0,
            next: 0,
            key: 0,
        };
        row.serialize(fields)
    }
}

/// A statement with the set between its two parts, without it: one row is not joined, and what is inserted of it are `VALUES`, the quick way.
fn of_one(before: &str, after: &str) -> String {
    if let Some(joined) = after.strip_prefix("CROSS JOIN") {
        return format!("{before}{joined}");
    }
    let before = before.strip_suffix("FROM").unwrap_or(before).trim_end();
    match before.split_once("SELECT") {
        Some((into, fields)) if before.starts_with("INSERT") => {
            let after = after.strip_prefix("WHERE true").unwrap_or(after);
            format!("{into}VALUES ({}){after}", fields.trim())
        }
        _ => format!("{before} {after}"),
    }
}

/// A row that does not fit its statement: a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BindError(String);

impl ser::Error for BindError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl From<rusqlite::Error> for BindError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

fn unfit<T>(what: &str) -> Result<T, BindError> {
    Err(BindError(format!("{what} cannot be bound")))
}

struct Fields<'a, 'c> {
    names: &'a [String],
    to: &'a mut Statement<'c>,
    bound: usize,
    /// Where the next field is looked for first: they mostly come in the statement's order.
    next: usize,
    /// The parameter of the map's present key; 0 where the statement does not read it.
    key: usize,
}

impl Fields<'_, '_> {
    /// The parameter of that field; 0 where the statement does not read it.
    fn parameter(&mut self, name: &str) -> usize {
        let count = self.names.len();
        let at = (self.next..count)
            .chain(0..self.next.min(count))
            .find(|at| self.names[*at] == name);
        at.map_or(0, |at| {
            self.next = at + 1;
            at + 1
        })
    }

    fn set(&mut self, at: usize, value: &(impl Serialize + ?Sized)) -> Result<(), BindError> {
        if at > 0 {
            value.serialize(Value { to: self.to, at })?;
            self.bound += 1;
        }
        Ok(())
    }

    fn whole(self) -> Result<(), BindError> {
        if self.bound == self.names.len() {
            return Ok(());
        }
        unfit(&format!("a row without all of {:?}", self.names))
    }
}

impl SerializeStruct for Fields<'_, '_> {
    type Ok = ();
    type Error = BindError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), BindError> {
        let at = self.parameter(name);
        self.set(at, value)
    }

    fn end(self) -> Result<(), BindError> {
        self.whole()
    }
}

impl SerializeMap for Fields<'_, '_> {
    type Ok = ();
    type Error = BindError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), BindError> {
        self.key = key.serialize(Name(self))?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), BindError> {
        self.set(self.key, value)
    }

    fn end(self) -> Result<(), BindError> {
        self.whole()
    }
}

/// Whatever is not told otherwise is refused.
macro_rules! refuse {
    ($($method:ident($type:ty)),* $(,)?) => {$(
        fn $method(self, _: $type) -> Result<Self::Ok, BindError> {
            unfit(stringify!($type))
        }
    )*};
    (numbers) => {
        refuse!(serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64), serialize_u8(u8),
            serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_f32(f32), serialize_f64(f64));
    };
    (compounds) => {
        type SerializeSeq = Impossible<Self::Ok, BindError>;
        type SerializeTuple = Impossible<Self::Ok, BindError>;
        type SerializeTupleStruct = Impossible<Self::Ok, BindError>;
        type SerializeTupleVariant = Impossible<Self::Ok, BindError>;
        type SerializeStructVariant = Impossible<Self::Ok, BindError>;

        fn serialize_unit_struct(self, name: &'static str) -> Result<Self::Ok, BindError> {
            unfit(name)
        }
        fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Self::Ok, BindError> {
            value.serialize(self)
        }
        fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, name: &'static str, _: &T) -> Result<Self::Ok, BindError> {
            unfit(name)
        }
        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, BindError> {
            unfit("a list")
        }
        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, BindError> {
            unfit("a tuple")
        }
        fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, BindError> {
            unfit(name)
        }
        fn serialize_tuple_variant(self, _: &'static str, _: u32, name: &'static str, _: usize) -> Result<Self::SerializeTupleVariant, BindError> {
            unfit(name)
        }
        fn serialize_struct_variant(self, _: &'static str, _: u32, name: &'static str, _: usize) -> Result<Self::SerializeStructVariant, BindError> {
            unfit(name)
        }
    };
    (maps) => {
        type SerializeMap = Impossible<Self::Ok, BindError>;
        type SerializeStruct = Impossible<Self::Ok, BindError>;

        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, BindError> {
            unfit("a map")
        }
        fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeStruct, BindError> {
            unfit(name)
        }
    };
    (nothing) => {
        fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<Self::Ok, BindError> {
            unfit(name)
        }
        fn serialize_none(self) -> Result<Self::Ok, BindError> {
            unfit("nothing")
        }
        fn serialize_unit(self) -> Result<Self::Ok, BindError> {
            unfit("nothing")
        }
        fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, BindError> {
            value.serialize(self)
        }
    };
}

impl Serializer for Fields<'_, '_> {
    type Ok = ();
    type Error = BindError;
    type SerializeMap = Self;
    type SerializeStruct = Self;

    refuse!(numbers);
    refuse!(compounds);
    refuse!(nothing);
    refuse!(
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8])
    );

    fn serialize_map(self, _: Option<usize>) -> Result<Self, BindError> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, BindError> {
        Ok(self)
    }
}

/// A map's key as the parameter that it names.
struct Name<'f, 'a, 'c>(&'f mut Fields<'a, 'c>);

impl Serializer for Name<'_, '_, '_> {
    type Ok = usize;
    type Error = BindError;

    refuse!(numbers);
    refuse!(compounds);
    refuse!(maps);
    refuse!(nothing);
    refuse!(serialize_char(char), serialize_bytes(&[u8]));

    fn serialize_str(self, name: &str) -> Result<usize, BindError> {
        Ok(self.0.parameter(name))
    }
}

struct Value<'a, 'c> {
    to: &'a mut Statement<'c>,
    at: usize,
}

impl Value<'_, '_> {
    fn put(self, value: impl ToSql) -> Result<(), BindError> {
        Ok(self.to.raw_bind_parameter(self.at, value)?)
    }
}

macro_rules! put {
    ($($method:ident($type:ty)),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result<(), BindError> {
            self.put(value)
        }
    )*};
}

impl Serializer for Value<'_, '_> {
    type Ok = ();
    type Error = BindError;

    refuse!(compounds);
    refuse!(maps);
    refuse!(serialize_char(char));
    put!(
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_f32(f32),
        serialize_f64(f64),
        serialize_str(&str),
        serialize_bytes(&[u8]),
    );

    fn serialize_u64(self, value: u64) -> Result<(), BindError> {
        match i64::try_from(value) {
            Ok(value) => self.put(value),
            Err(_) => unfit("a number beyond 64 bits"),
        }
    }

    fn serialize_none(self) -> Result<(), BindError> {
        self.put(Null)
    }

    fn serialize_unit(self) -> Result<(), BindError> {
        self.put(Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), BindError> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
    ) -> Result<(), BindError> {
        self.put(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;
    use serde_json::json;

    #[test]
    fn a_set_of_one_row_is_neither_joined_nor_read_from() {
        let of = |set: &str| Each::make(set).sql;
        assert_eq!(
            of(
                "INSERT INTO t (a, b) SELECT r.value ->> 'a', CAST(r.value ->> 'b' AS BIGINT) FROM jsonb_each($1) r WHERE true ON CONFLICT DO NOTHING"
            ),
            "INSERT INTO t (a, b) VALUES (?1, CAST(?2 AS BIGINT)) ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            of(
                "SELECT t.* FROM jsonb_each($1) r CROSS JOIN t WHERE t.a = r.value ->> 'a' AND t.b > r.value ->> 'a'"
            ),
            "SELECT t.* FROM t WHERE t.a = ?1 AND t.b > ?1"
        );
        assert_eq!(
            of(
                "UPDATE t SET a = r.value ->> 'a' FROM jsonb_each($1) r WHERE t.b = r.value ->> 'b'"
            ),
            "UPDATE t SET a = ?1 WHERE t.b = ?2"
        );
        assert_eq!(
            of(
                "DELETE FROM t WHERE (a, b) IN (SELECT r.value ->> 'a', r.value ->> 'b' FROM jsonb_each($1) r)"
            ),
            "DELETE FROM t WHERE (a, b) IN (SELECT ?1, ?2 )"
        );
    }

    #[test]
    fn fields_are_bound_by_name_in_any_order_and_none_may_be_missing() {
        let connection = Connection::open_in_memory().unwrap();
        let each = Each::make(
            "SELECT r.value ->> 'a', r.value ->> 'b', r.value ->> 'c', r.value ->> 'd' FROM jsonb_each($1) r",
        );
        let mut statement = connection.prepare(&each.sql).unwrap();
        #[derive(Serialize)]
        struct Row<'a> {
            d: bool,
            unread: u8,
            b: Option<&'a str>,
            a: i64,
            c: u64,
        }
        let row = Row {
            d: true,
            unread: 1,
            b: None,
            a: -1,
            c: 2,
        };
        let got = |statement: &mut Statement<'_>| -> (i64, Option<String>, u32, bool) {
            let mut rows = statement.raw_query();
            rows.next().unwrap().unwrap().try_into().unwrap()
        };
        each.bind(&row, &mut statement).unwrap();
        assert_eq!(got(&mut statement), (-1, None, 2, true));
        let map = json!({"c": 3, "b": "x", "d": false, "a": 1});
        each.bind(&map, &mut statement).unwrap();
        assert_eq!(got(&mut statement), (1, Some("x".to_owned()), 3, false));
        for unfit in [
            json!({"a": 1, "b": "x", "c": 3}),
            json!({"a": [1], "b": 1, "c": 1, "d": 1}),
            json!("a"),
        ] {
            assert!(each.bind(&unfit, &mut statement).is_err(), "{unfit}");
        }
    }
}
