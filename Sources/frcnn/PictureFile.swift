import FoundationEssentials
import Images

/// A picture named on the command line.
struct PictureFile {
  /// The largest file that is read, the same as the server's largest body.
  static let maximumByteCount = 32 << 20

  /// The name as it was given; `-` is standard input.
  let path: String

  /// Reads and decodes the file.
  func decoded() throws(Failure) -> DecodedImage {
    let bytes = try FileContents.read(path, limit: Self.maximumByteCount)
    do {
      return try ImageDecoder().decode(bytes)
    } catch {
      throw Failure(.brokenInput, "\(name): \(error)")
    }
  }

  /// The name for people.
  var name: String { path == "-" ? "standard input" : path }

  /// The name without folders and extension.
  var stem: String {
    guard path != "-" else { return "stdin" }
    let name = path.split(separator: "/").last ?? "picture"
    let end = name.lastIndex(of: ".") ?? name.endIndex
    return String(end == name.startIndex ? name : name[..<end])
  }

  /// Some of the pictures in a folder, told by their names' endings, taken evenly from the list of their names.
  static func evenly(from folder: String, limit: Int) throws(Failure) -> [PictureFile] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw Failure(.missingInput, "cannot list the folder \(folder): \(error)")
    }
    let pictures = names.sorted().filter { name in
      ImageFormat.all.contains { $0.isFormat(ofFileNamed: name) }
    }
    guard !pictures.isEmpty else {
      throw Failure(.brokenInput, "there is no \(ImageFormat.namesText) file in \(folder)")
    }
    let count = min(limit, pictures.count)
    return (0..<count).map {
      PictureFile(path: "\(folder)/\(pictures[$0 * pictures.count / count])")
    }
  }
}
