// swift-tools-version: 6.2

import PackageDescription

// One array for every Swift target: the whole package is checked alike. There are no unsafe flags,
// because a package with unsafe flags cannot be a dependency of another one.
let settings: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .strictMemorySafety(),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// Fixtures are files that tests find beside themselves by `#filePath`; the build leaves them alone.
func tests(
  _ name: String, _ dependencies: [Target.Dependency], fixtures: [String] = []
) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: dependencies, exclude: fixtures, swiftSettings: settings)
}

let package = Package(
  name: "frcnn",
  products: [
    .executable(name: "frcnn", targets: ["frcnn"]),
    // With every module whose types stand in its interface, so that a client may import and name them.
    .library(
      name: "FasterRCNN",
      targets: [
        "FasterRCNN", "Images", "Tensors", "Detection", "Compute", "Checkpoints", "Networks",
        "Families",
      ]),
    .library(name: "Detection", targets: ["Detection", "Tensors"]),
    .library(
      name: "Training",
      targets: [
        "Training", "TrainingData", "TrainingRun", "TrainingReport", "Datasets", "Evaluation",
        "Detection", "Families", "FasterRCNN", "Networks", "Compute", "Checkpoints", "Images",
        "Tensors", "Threads",
      ]),
  ],
  // Picture formats whose libraries can be left out: `swift build --traits WebP` has no TIFF.
  traits: [
    .default(enabledTraits: ["WebP", "TIFF"]),
    .trait(name: "WebP", description: "WebP pictures, by libwebp."),
    .trait(name: "TIFF", description: "TIFF pictures, by libtiff."),
    .trait(name: "HEIF", description: "AVIF and HEIC pictures, by libheif, which is large."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
  ],
  targets: [
    // The C libraries, and C where Swift cannot (setjmp, macros, function multi-versioning, #embed).
    .systemLibrary(name: "CZlib", path: "Sources/System/CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "COpenSSL", path: "Sources/System/COpenSSL", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CLinux", path: "Sources/System/CLinux"),
    .target(name: "CPicture", path: "Sources/System/CPicture"),
    .target(name: "CDNNL", path: "Sources/System/CDNNL", linkerSettings: [.linkedLibrary("dnnl")]),
    .target(
      name: "CJPEG", dependencies: ["CPicture"], path: "Sources/System/CJPEG",
      linkerSettings: [.linkedLibrary("jpeg")]),
    .target(
      name: "CPNG", dependencies: ["CPicture"], path: "Sources/System/CPNG",
      linkerSettings: [.linkedLibrary("png16"), .linkedLibrary("z")]),
    .target(
      name: "CWebP", dependencies: ["CPicture"], path: "Sources/System/CWebP",
      cSettings: [.define("FRCNN_WEBP", .when(traits: ["WebP"]))],
      linkerSettings: [.linkedLibrary("webp", .when(traits: ["WebP"]))]),
    .target(
      name: "CTIFF", dependencies: ["CPicture"], path: "Sources/System/CTIFF",
      cSettings: [.define("FRCNN_TIFF", .when(traits: ["TIFF"]))],
      linkerSettings: [.linkedLibrary("tiff", .when(traits: ["TIFF"]))]),
    .target(
      name: "CHEIF", dependencies: ["CPicture"], path: "Sources/System/CHEIF",
      cSettings: [.define("FRCNN_HEIF", .when(traits: ["HEIF"]))],
      linkerSettings: [.linkedLibrary("heif", .when(traits: ["HEIF"]))]),
    .target(name: "CConvolutionKernels"),
    .target(name: "CDetectionKernels"),
    .target(name: "CEmbeddedModel"),
    .target(
      name: "CEmbeddedPage",
      exclude: ["docs.css", "docs.html", "docs.js", "page.css", "page.html", "page.js"]),

    // The libraries, lowest first: a row may depend on rows above it only.
    library("Threads"),
    library("Digests", ["COpenSSL"]),
    library("Files"),
    library("Tensors", ["Files"]),
    library("Compute", ["Threads", "Tensors", "CConvolutionKernels", "CDNNL"]),
    library("Detection", ["Tensors", "CDetectionKernels"]),
    library("Networks", ["Tensors", "Compute"]),
    library("JSON"),
    library("Checkpoints", ["Tensors", "JSON", "Files", "CZlib"]),
    library(
      "Images",
      [
        "Tensors", "CPicture", "CJPEG", "CPNG",
        .target(name: "CWebP", condition: .when(traits: ["WebP"])),
        .target(name: "CTIFF", condition: .when(traits: ["TIFF"])),
        .target(name: "CHEIF", condition: .when(traits: ["HEIF"])),
      ]),
    library("Families", ["Tensors", "JSON", "Detection", "Networks", "Checkpoints", "Images"]),
    library("HTTP1"),
    library("HTTPServer", ["HTTP1", "CLinux", "COpenSSL"]),
    library("Fetching", ["HTTPServer", "COpenSSL"]),
    library(
      "FasterRCNN",
      [
        "Threads", "Tensors", "JSON", "Compute", "Detection", "Networks", "Checkpoints", "Images",
        "Families", "CEmbeddedModel", "Digests",
      ]),
    library(
      "Training",
      [
        "Tensors", "Compute", "Detection", "Networks", "Checkpoints", "Images", "Families",
        "FasterRCNN",
      ]),
    library("Datasets", ["Files", "Tensors", "JSON", "Detection", "Images"]),
    library("Evaluation", ["Detection"]),
    library("TrainingData", ["Threads", "Tensors", "Detection", "Images", "Datasets", "Training"]),
    library("TrainingReport", ["Detection", "Images", "Evaluation", "JSON"]),
    library(
      "TrainingRun",
      [
        "Threads", "Tensors", "JSON", "Files", "Checkpoints", "Detection", "Images", "FasterRCNN",
        "Evaluation", "Training", "TrainingData", "TrainingReport",
      ]),
    library("Observability", ["Files", "JSON", .product(name: "Logging", package: "swift-log")]),
    library(
      "Service",
      [
        "Threads", "Digests", "Tensors", "Detection", "Images", "Checkpoints", "FasterRCNN",
        "JSON", "HTTP1", "HTTPServer", "Fetching", "Observability", "CEmbeddedPage", "CZlib",
      ]),
    library(
      "Batch",
      [
        "Threads", "Tensors", "Detection", "Images", "FasterRCNN", "JSON", "Files", "Service",
      ]),
    .executableTarget(
      name: "frcnn",
      dependencies: [
        "Batch", "Files", "Tensors", "Compute", "Detection", "Networks", "Images", "Checkpoints",
        "Families", "FasterRCNN", "Datasets", "Evaluation", "JSON", "HTTP1", "HTTPServer",
        "Fetching", "Observability", "Service", "Threads", "Training", "TrainingData",
        "TrainingReport", "TrainingRun", "CLinux", "COpenSSL",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),

    // What tests share that replay corpora of fuzz targets.
    .target(name: "FuzzCorpus", path: "Tests/Fuzz/Replay", swiftSettings: settings),

    tests("Threads", ["Threads"]),
    tests("Digests", ["Digests"]),
    tests("Tensors", ["Tensors"], fixtures: ["Fixtures"]),
    tests(
      "Compute", ["Compute", "CConvolutionKernels", "Checkpoints", "Detection", "Tensors"],
      fixtures: ["Fixtures"]),
    tests("Detection", ["Detection", "Tensors"], fixtures: ["Fixtures"]),
    tests(
      "Networks", ["Networks", "Checkpoints", "Compute", "Tensors"], fixtures: ["Fixtures"]),
    tests("Checkpoints", ["Checkpoints", "FuzzCorpus", "Tensors"], fixtures: ["Fixtures"]),
    tests("Files", ["Files"]),
    tests("Batch", ["Batch", "Detection", "FasterRCNN", "Files", "Images", "Tensors"]),
    tests("Images", ["FuzzCorpus", "Images", "Tensors"], fixtures: ["Fixtures"]),
    tests("JSON", ["JSON"]),
    tests("HTTP1", ["FuzzCorpus", "HTTP1"], fixtures: ["Corpus"]),
    tests("HTTPServer", ["HTTPServer", "Fetching", "FuzzCorpus", "HTTP1", "COpenSSL"]),
    tests(
      "Families",
      ["Families", "Checkpoints", "Detection", "FuzzCorpus", "Images", "Tensors"]),
    tests(
      "FasterRCNN",
      [
        "FasterRCNN", "Families", "Checkpoints", "Compute", "Detection", "Images", "Networks",
        "Tensors",
      ],
      fixtures: ["Fixtures"]),
    tests(
      "Training",
      [
        "Training", "FasterRCNN", "Families", "Checkpoints", "Compute", "Detection", "Evaluation",
        "Images", "Networks", "Tensors",
      ],
      fixtures: ["Fixtures"]),
    tests("Observability", ["Observability"]),
    tests("Datasets", ["Datasets", "Detection", "Tensors"]),
    tests("Evaluation", ["Evaluation", "Detection"], fixtures: ["Fixtures"]),
    tests(
      "TrainingData", ["TrainingData", "Training", "Datasets", "Detection", "Images", "Tensors"]),
    tests("TrainingReport", ["TrainingReport", "Evaluation", "Detection", "Images"]),
    tests(
      "TrainingRun",
      [
        "TrainingRun", "Training", "TrainingData", "TrainingReport", "Checkpoints", "Datasets",
        "Detection", "Families", "Images", "Tensors",
      ]),
    tests(
      "Service",
      [
        "Service", "FasterRCNN", "Digests", "JSON", "HTTP1", "HTTPServer", "Fetching", "FuzzCorpus",
        "Images", "Detection",
        "Observability", "Tensors", "Checkpoints", .product(name: "Logging", package: "swift-log"),
      ]),
    tests("EndToEnd", []),
  ],
  swiftLanguageModes: [.v6]
)
