XgenBench.run()
