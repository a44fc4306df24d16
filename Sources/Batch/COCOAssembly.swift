internal import Files
internal import JSON

/// Makes one document of COCO's annotations out of rows, of which never more than one is in memory.
struct COCOAssembly {
  let rows: OutputFile
  let labels: [String]

  /// Writes the document in the place of what is there.
  func write(to name: FileName) throws(BatchError) {
    do {
      let file = try AtomicFile(replacing: name)
      do {
        try file.write(beginning)
        try append(\.image, named: "images", to: file)
        try append(\.annotations, named: "annotations", to: file)
        try file.write(Array("}\n".utf8))
        try file.commit()
      } catch {
        file.discard()
        throw error
      }
    } catch {
      throw BatchError(.cannotCreate, "cannot write \(name): \(error)")
    }
  }

  /// The document up to the pictures.
  private var beginning: [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("categories")
    json.beginArray()
    for (index, label) in labels.enumerated() {
      json.object {
        $0.member("id", index + 1)
        $0.member("name", label)
      }
    }
    json.endArray()
    return json.bytes
  }

  private func append(
    _ part: KeyPath<Row, ArraySlice<UInt8>>, named name: String, to file: AtomicFile
  ) throws {
    try file.write(Array(",\n\"\(name)\":[".utf8))
    var reader = try rows.reader()
    var separator: [UInt8] = []
    while let line = try reader.read(upTo: UInt8(ascii: "\n"), limit: .max) {
      let bytes = Row(line.bytes)[keyPath: part]
      guard !bytes.isEmpty else { continue }
      try file.write(separator + [UInt8(ascii: "\n")] + bytes)
      separator = [UInt8(ascii: ",")]
    }
    try file.write([UInt8(ascii: "]")])
  }

  /// A row of `RowWriter`: a picture, a tab, and its objects.
  private struct Row {
    var image: ArraySlice<UInt8>
    var annotations: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
      // Within JSON a tab is escaped, so the first one is the one between.
      let tab = bytes.firstIndex(of: 0x09) ?? bytes.endIndex
      image = bytes[..<tab]
      annotations = bytes[tab...].dropFirst()
    }
  }
}
