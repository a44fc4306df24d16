/// The version of this program, as in CHANGELOG.md.
enum Version {
  static let string = "0.1.0"
}
