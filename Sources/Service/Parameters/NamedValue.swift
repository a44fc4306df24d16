/// A name and a value as a query or a form gave them, decoded.
struct NamedValue: Sendable, Hashable {
  var name: String
  var value: String
}
