// Stands where ArgumentParser has Utilities/Foundation.swift, in the image alone.
//
// ArgumentParser writes its hidden `--experimental-dump-help` by Foundation's JSONEncoder, and asks Foundation
// for an error's description. Foundation is one piece: linked statically it makes the program 7 MB larger. This
// is all that it is called for, without it.

extension Error {
  func describe() -> String { String(describing: self) }
}

enum JSONEncoder {
  static func encode<Value: Encodable>(_ value: Value) -> String {
    "{\"error\": \"frcnn's image leaves --experimental-dump-help out\"}"
  }
}
