public import Datasets
public import Images
internal import Tensors

/// Reads the pictures that a dataset names, turned as their annotations mean it.
public struct AnnotatedPictureReader: Sendable {
  /// Whether a picture is turned as its EXIF says.
  public enum Turning: String, Sendable, CaseIterable {
    /// As the annotation's size tells: boxes drawn on the stored picture belong to the stored picture.
    case auto
    /// Always.
    case apply
    /// Never.
    case ignore
  }

  /// A picture as it was read.
  public struct Reading: Sendable {
    /// The pixels.
    public var image: Image

    /// Whether it was turned as its EXIF says.
    public var isTurned: Bool

    /// Whether it was not, because the annotation's size is that of the stored picture.
    public var isLeftUnturned: Bool
  }

  /// The largest file that is read, the same as the server's largest body.
  public static let maximumByteCount = 32 << 20

  private let files: FolderFiles

  /// Whether pictures are turned.
  public let turning: Turning

  /// Makes a reader.
  ///
  /// - Parameters:
  ///   - root: the folder that the pictures' paths are relative to.
  ///   - turning: whether pictures are turned as their EXIF says.
  public init(root: String, turning: Turning = .auto) {
    files = FolderFiles(root: root)
    self.turning = turning
  }

  /// Reads and decodes a picture.
  ///
  /// - Throws: `TrainingSetError` where its file cannot be read, or is no picture.
  public func read(_ picture: AnnotatedPicture) throws(TrainingSetError) -> Reading {
    let bytes: [UInt8]
    do throws(DatasetError) {
      bytes = try files.contents(of: picture.path, limit: Self.maximumByteCount)
    } catch {
      var reason = "\(error)"
      let place = "\(picture.path): "
      if reason.hasPrefix(place) { reason.removeFirst(place.count) }
      throw TrainingSetError(
        path: picture.path, reason: reason, isMissingInput: error.isMissingInput)
    }
    do throws(ImageError) {
      let header = try ImageDecoder().header(of: bytes)
      let stored = PictureSize(height: header.height, width: header.width)
      let isOriented = header.orientation.map { $0 != .identity } ?? false
      let isAnnotatedAsStored =
        isOriented && header.orientation?.swapsAxes == true && stored.height != stored.width
        && picture.statedSize == stored
      let staysUnturned = turning == .auto && isAnnotatedAsStored
      let turns = turning != .ignore && !staysUnturned
      return Reading(
        image: try ImageDecoder(appliesOrientation: turns).decode(bytes).image,
        isTurned: isOriented && turns, isLeftUnturned: staysUnturned)
    } catch {
      throw TrainingSetError(path: picture.path, reason: "\(error)")
    }
  }
}
