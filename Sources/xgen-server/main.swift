internal import XgenServer

XgenServerMain.run()
