// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
  name: "XgenServer",
  products: [
    .executable(name: "xgen-server", targets: ["xgen-server"]),
    .executable(name: "xgen-sidecar", targets: ["xgen-sidecar"]),
    .executable(name: "xgen-bench", targets: ["xgen-bench"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.1.0"),
  ],
  targets: [
    .systemLibrary(name: "CUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .target(name: "CLinux"),
    .target(
      name: "Reactor", dependencies: ["CUV", "COpenSSL", "CLinux"], swiftSettings: settings),
    .target(name: "XgenProtocol", swiftSettings: settings),
    .target(
      name: "XgenSidecar", dependencies: ["Reactor", "XgenProtocol", "CLinux"],
      swiftSettings: settings),
    .target(
      name: "XgenServer",
      dependencies: [
        "Reactor", "XgenProtocol", "CLinux", "COpenSSL",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "xgen-server", dependencies: ["XgenServer"], swiftSettings: settings),
    .executableTarget(
      name: "xgen-sidecar", dependencies: ["XgenSidecar"], swiftSettings: settings),
    .executableTarget(
      name: "xgen-bench",
      dependencies: [
        "Reactor", "XgenProtocol",
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ],
      path: "bench/Sources", swiftSettings: settings),
    .target(
      name: "TestSupport", dependencies: ["Reactor", "XgenProtocol"], path: "Tests/TestSupport",
      swiftSettings: settings),
    .testTarget(
      name: "ReactorTests", dependencies: ["Reactor", "CLinux", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "XgenProtocolTests", dependencies: ["XgenProtocol", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "XgenServerTests",
      dependencies: [
        "XgenServer", "Reactor", "CLinux", "TestSupport",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "XgenSidecarTests",
      dependencies: ["XgenSidecar", "XgenProtocol", "Reactor", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "IntegrationTests",
      dependencies: ["XgenServer", "XgenSidecar", "Reactor", "XgenProtocol", "TestSupport"],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
