//! Values of fields as `google.protobuf.Value`, which every language knows.

use minutebook_domain::value::Value;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};

/// The largest whole number that a double holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A value as it goes onto the wire. Numbers become doubles: whole ones up to 2^53 stay exact, and sums end at 10^15.
pub fn value_to_pb(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(list) => Kind::ListValue(ListValue { values: list.iter().map(value_to_pb).collect() }),
        Value::Object(map) => {
            Kind::StructValue(Struct { fields: map.iter().map(|(k, v)| (k.clone(), value_to_pb(v))).collect() })
        }
    };
    prost_types::Value { kind: Some(kind) }
}

/// A value as it comes back. A number without a fraction is a whole number again.
pub fn value_from_pb(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(flag)) => flag.into(),
        Some(Kind::NumberValue(number)) => number_from_pb(number),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(value_from_pb).collect(),
        Some(Kind::StructValue(map)) => {
            Value::Object(map.fields.into_iter().map(|(k, v)| (k, value_from_pb(v))).collect())
        }
    }
}

fn number_from_pb(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= EXACT {
        // Written without a fraction it parses as the whole number that it is.
        format!("{number:.0}").parse::<i64>().map_or_else(|_| number.into(), Value::from)
    } else {
        number.into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let value =
            json!({"eur": 1_000_000_000_000_000_u64, "share": 0.5, "to": 2018, "ids": ["a", null, true], "x": -3});
        assert_eq!(value_from_pb(value_to_pb(&value)), value);
    }
}
