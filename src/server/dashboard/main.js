/** Starts the page. */
import { startCalls } from './calls-panel.js'
import { startCharts } from './charts-panel.js'
import { startFaults } from './faults-panel.js'
import { showConnection, startHost } from './host-panel.js'
import { connected } from './poll.js'
import { startState } from './state-panel.js'
import { startTheme } from './theme.js'
import { startToken } from './token.js'
import { startVm } from './vm-panel.js'
import { startVms } from './vms-panel.js'

startTheme()
startToken()
showConnection(connected)
startHost()
startVms()
startVm()
startCharts()
startFaults()
startState()
startCalls()
