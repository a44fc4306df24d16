import Batch
import Files
import Images

/// A picture named on the command line.
struct PictureFile {
  /// The largest file that is read, the same as the server's largest body.
  static let maximumByteCount = ServeSettings.maximumBody.standard

  /// How the names of pictures end, in small letters.
  static let suffixes = ImageFormat.all.flatMap { $0.fileExtensions.map { "." + $0 } }

  /// The file; `-` is standard input.
  let path: FileName

  init(_ path: FileName) { self.path = path }

  /// Reads and decodes the file.
  func decoded() throws(Failure) -> DecodedImage {
    let bytes =
      try isStandardInput
      ? FileContents.read("-", limit: Self.maximumByteCount)
      : FileContents.read(path, limit: Self.maximumByteCount)
    do {
      return try ImageDecoder().decode(bytes)
    } catch {
      throw Failure(.brokenInput, "\(name): \(error)")
    }
  }

  /// Reads and decodes one picture of many; one that cannot be is told on standard error and left out.
  ///
  /// - Parameter bar: the line that makes room for it.
  /// - Returns: the picture; `nil` where it is left out.
  func decodedOrLeftOut(under bar: ProgressBar) -> DecodedImage? {
    do throws(Failure) {
      return try decoded()
    } catch {
      bar.finish()
      StandardError.write("frcnn: left out: \(error.message)\n")
      return nil
    }
  }

  /// The name for people.
  var name: String { isStandardInput ? "standard input" : "\(path)" }

  /// The name without folders and extension.
  var stem: [UInt8] {
    guard !isStandardInput else { return Array("stdin".utf8) }
    let name = path.bytes.split(separator: UInt8(ascii: "/")).last ?? []
    let end = name.lastIndex(of: UInt8(ascii: ".")) ?? name.endIndex
    return Array(end == name.startIndex ? name : name[..<end])
  }

  private var isStandardInput: Bool { path == FileName("-") }

  /// The pictures that arguments name, folders walked.
  static func all(of arguments: [String]) throws(Failure) -> [PictureFile] {
    var files: [PictureFile] = []
    for argument in arguments {
      let name = CommandArguments.name(argument)
      files += try name.kind == .folder ? walked(name) : [PictureFile(name)]
    }
    return files
  }

  /// Some of the pictures in a folder, taken evenly from the list of their names.
  static func evenly(from folder: String, limit: Int) throws(Failure) -> [PictureFile] {
    let pictures = try walked(CommandArguments.name(folder))
    let count = min(limit, pictures.count)
    return (0..<count).map { pictures[$0 * pictures.count / count] }
  }

  private static func walked(_ folder: FileName) throws(Failure) -> [PictureFile] {
    var files: [PictureFile] = []
    do throws(BatchError) {
      guard folder.kind == .folder else {
        // The system's words for what stands in the way.
        let reason = folder.kind == .missing ? "there is none" : "it is a file"
        throw BatchError(.missingInput, "cannot list the folder \(folder): \(reason)")
      }
      var source = NamedPictures([.path(folder)], options: .init(suffixes: suffixes))
      while let entry = try source.next() {
        if case .failure(let error) = entry.content { throw error }
        if let name = entry.name { files.append(PictureFile(name)) }
      }
    } catch {
      throw Failure(error)
    }
    guard !files.isEmpty else {
      throw Failure(.brokenInput, "there is no \(ImageFormat.namesText) file in \(folder)")
    }
    return files
  }
}
