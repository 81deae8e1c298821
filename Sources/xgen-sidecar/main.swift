internal import XgenSidecar

SidecarMain.run()
