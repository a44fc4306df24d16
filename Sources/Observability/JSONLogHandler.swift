public import JSON
public import Logging

/// A value of a log's metadata that writes itself as members of the line, numbers as numbers.
public protocol JSONLogMembers: CustomStringConvertible, Sendable {
  /// Writes the members; the object is open.
  func writeMembers(to json: inout JSONWriter)
}

/// Writes what is logged as one line of JSON each.
///
/// Metadata becomes members of the line. It writes on the caller's thread: `RequestLog` is what keeps
/// it away from requests.
public struct JSONLogHandler: LogHandler {
  /// The least level that is written.
  public var logLevel = Logger.Level.info

  /// What every line says beside its own metadata.
  public var metadata = Logger.Metadata()

  private let write: @Sendable ([UInt8]) -> Void

  /// Makes a handler.
  ///
  /// - Parameter write: takes a whole line with its line feed.
  public init(write: @escaping @Sendable ([UInt8]) -> Void) { self.write = write }

  /// A member that every line has.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes a line.
  public func log(event: LogEvent) {
    var metadata = metadata
    if let own = event.metadata { metadata.merge(own) { $1 } }
    var json = JSONWriter(reservingCapacity: 512)
    json.beginObject()
    json.key("time")
    if case .string(let time)? = metadata.removeValue(forKey: Self.timeKey) {
      json.string(time)
    } else {
      json.string(WallTime.now.text)
    }
    json.member("level", event.level.rawValue)
    json.member("message", event.message.description)
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      Self.write(key, value, &json)
    }
    json.endObject()
    write(json.bytes + [UInt8(ascii: "\n")])
  }

  /// Under this key metadata says when it happened, where that is not now.
  static let timeKey = "time"

  private static func write(
    _ key: String, _ value: Logger.MetadataValue, _ json: inout JSONWriter
  ) {
    if case .stringConvertible(let members as any JSONLogMembers) = value {
      return members.writeMembers(to: &json)
    }
    json.key(key)
    write(value, &json)
  }

  private static func write(_ value: Logger.MetadataValue, _ json: inout JSONWriter) {
    switch value {
    case .string(let text): json.string(text)
    case .stringConvertible(let number as Int): json.integer(number)
    case .stringConvertible(let truth as Bool): json.boolean(truth)
    case .stringConvertible(let other): json.string(other.description)
    case .array(let values):
      json.beginArray()
      for value in values { write(value, &json) }
      json.endArray()
    case .dictionary(let members):
      json.beginObject()
      for (key, value) in members.sorted(by: { $0.key < $1.key }) { write(key, value, &json) }
      json.endObject()
    }
  }
}
