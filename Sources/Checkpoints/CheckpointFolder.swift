import Files
import Tensors

/// A folder that stands for the one checkpoint in it, as model hubs and model servers lay them out.
public enum CheckpointFolder {
  /// The names that a checkpoint has by convention; the first that is there wins.
  private static let usualNames = ["model.safetensors.index.json", "model.safetensors"]

  /// The extensions of checkpoints.
  public static let extensions: Set<String> = [
    "safetensors", "pth", "pt", "pkl", "npz", "ckpt", "caffemodel", "tar",
  ]

  /// The most entries of a folder that are looked at.
  private static let longest = 10_000

  /// The checkpoint that a path stands for: the path itself, unless it is a folder's.
  ///
  /// - Parameter path: a file or a folder.
  /// - Returns: the path of the file.
  /// - Throws: where a folder holds no checkpoint, or several without a usual name.
  public static func checkpoint(at path: String) throws(CheckpointError) -> String {
    guard let names = names(in: path) else { return path }
    let folder = path.hasSuffix("/") ? path : path + "/"
    if let usual = usualNames.first(where: names.contains) { return folder + usual }
    let files = names.filter { name in
      guard let dot = name.lastIndex(of: ".") else { return false }
      return dot != name.startIndex && extensions.contains(String(name[name.index(after: dot)...]))
    }
    guard files.count == 1, let file = files.first else {
      let what =
        files.isEmpty
        ? "the folder holds no checkpoint"
        : "the folder holds \(files.count) checkpoints: "
          + files.sorted().prefix(8).map(CheckpointError.quoted).joined(separator: ", ")
      throw CheckpointError(
        .unsupported(
          what,
          remedy: "give the path of the file, or a folder with one file "
            + "(.safetensors, .pth, .pt, .ckpt, .pkl, .npz, .caffemodel) in it"), path: path)
    }
    return folder + file
  }

  /// The names in a folder; `nil` where the path is no folder that can be read.
  private static func names(in path: String) -> Set<String>? {
    guard let names = try? FolderContents.names(in: path, limit: longest) else { return nil }
    return Set(names)
  }
}
