# fish completion for tarn: asks the command itself what may come next (`tarn __complete`), so that it is never out of date.
function __tarn_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] "$typed" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$typed"
            case :directories
                __fish_complete_directories "$typed"
            case '*'
                echo $line
        end
    end
end
complete -c tarn -f -a '(__tarn_complete)'
