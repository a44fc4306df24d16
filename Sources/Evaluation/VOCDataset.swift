/// The pictures of one split of a folder laid out as PASCAL VOC.
///
/// The list is `ImageSets/Main/SPLIT.txt`, a name a line; a picture `NAME` lies in
/// `JPEGImages/NAME.jpg`, and what is in it is written in `Annotations/NAME.xml`.
public struct VOCDataset: Sendable {
  /// One picture and what a person marked in it.
  public struct Picture: Sendable, Equatable {
    /// The name in the list.
    public let name: String

    /// The picture's file, relative to the folder.
    public let path: String

    /// What is in it.
    public let annotation: VOCAnnotation
  }

  /// The pictures in the order of the list.
  public let pictures: [Picture]

  /// The most bytes that a split's list may have.
  public static let maximumListByteCount = 64 << 20

  /// Reads a split's list and all its annotations.
  ///
  /// - Parameters:
  ///   - split: The list's name without its extension, as `test`.
  ///   - origin: What the annotations call the first pixel.
  ///   - contents: Reads a file, given its path relative to the folder and the most bytes that it
  ///     may have.
  /// - Throws: `VOCError` for a broken list or annotation, and whatever `contents` throws.
  public init(
    split: String, origin: VOCAnnotation.Origin = .zero,
    contents: (_ path: String, _ maximumByteCount: Int) throws -> [UInt8]
  ) throws {
    let listPath = "ImageSets/Main/\(split).txt"
    let list = try contents(listPath, Self.maximumListByteCount)
    pictures = try Self.names(in: list, path: listPath).map { name in
      let path = "Annotations/\(name).xml"
      let xml = try contents(path, VOCAnnotation.maximumByteCount)
      return Picture(
        name: name, path: "JPEGImages/\(name).jpg",
        annotation: try VOCAnnotation(xml: xml, path: path, origin: origin))
    }
  }

  /// The class names that occur, in alphabetical order.
  public var labels: [String] {
    Set(pictures.flatMap(\.annotation.objects).map(\.label)).sorted()
  }

  /// Splits a list into names, refusing any that would lead out of the folder.
  static func names(in list: [UInt8], path: String) throws(VOCError) -> [String] {
    var names: [String] = []
    let lines = list.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      func invalid(_ detail: String) -> VOCError {
        VOCError(reason: .invalidListEntry(detail), path: path, line: index + 1)
      }
      guard let text = String(validating: line, as: UTF8.self) else {
        throw invalid("bytes that are not UTF-8")
      }
      let name = text.trimmingWhitespace()
      if name.isEmpty { continue }
      guard !name.contains(where: \.isWhitespace) else {
        throw invalid(
          "'\(name)' is more than a name; lists of one class, with 1 and -1, are not read")
      }
      guard name.utf8.count <= 200, !name.hasPrefix("."),
        name.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "/") })
      else { throw invalid("'\(name)' is no name of a picture in this folder") }
      names.append(String(name))
    }
    guard !names.isEmpty else {
      throw VOCError(reason: .invalidListEntry("it lists no picture"), path: path, line: 1)
    }
    return names
  }
}
