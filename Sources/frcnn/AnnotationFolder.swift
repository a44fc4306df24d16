import Detection
import FasterRCNN
import Files
import Glibc
import Images

/// The folder into which pictures are drawn.
struct AnnotationFolder {
  private let path: FileName

  /// Makes the folder if there is none, and refuses what would be lost by drawing into it.
  init(_ path: String, for files: [PictureFile]) throws(Failure) {
    self.path = CommandArguments.name(path)
    if unsafe self.path.withPath({ unsafe mkdir($0, 0o777) }) != 0, errno != EEXIST {
      throw Failure(.cannotCreate, "cannot make the folder \(path): \(Failure.systemMessage())")
    }
    try FileContents.checkWritable("\(path)/picture")
    var taken: [[UInt8]: PictureFile] = [:]
    let originals = Set(files.compactMap { Self.identity(of: $0.path) })
    for file in files {
      if let other = taken.updateValue(file, forKey: file.stem) {
        throw Failure(
          .usage,
          "\(other.name) and \(file.name) would both be drawn as "
            + "\(String(decoding: file.stem, as: UTF8.self)) in \(path)")
      }
      for format in ImageFormat.encoded {
        let name = self.path.appending(file.stem + ".\(format.fileExtensions[0])".utf8)
        if let identity = Self.identity(of: name), originals.contains(identity) {
          throw Failure(.usage, "drawing into \(path) would overwrite \(name), one of the pictures")
        }
      }
    }
  }

  /// Draws what was found and saves it in the format that the picture had.
  func save(
    _ result: DetectionResult, of picture: DecodedImage, from file: PictureFile, labels: [String]
  ) throws(Failure) {
    let drawn = picture.image.annotated(with: result.annotations(labels: labels))
    let format = Self.format(of: picture)
    let bytes: [UInt8]
    do {
      bytes = try drawn.encoded(as: format)
    } catch {
      throw Failure(.internalError, "\(file.name): \(error)")
    }
    try FileContents.write(
      bytes, to: path.appending(file.stem + ".\(format.fileExtensions[0])".utf8))
  }

  /// The format that the picture had, or PNG, which loses nothing, where pictures are not written in it.
  private static func format(of picture: DecodedImage) -> ImageFormat {
    let format = picture.header.format
    return ImageFormat.encoded.contains(format) ? format : .png
  }

  /// What tells one file from another, however it is named.
  private struct Identity: Hashable {
    var device: UInt
    var inode: UInt
  }

  private static func identity(of path: FileName) -> Identity? {
    var status = stat()
    guard unsafe path.withPath({ unsafe stat($0, &status) }) == 0 else { return nil }
    return Identity(device: status.st_dev, inode: status.st_ino)
  }
}
